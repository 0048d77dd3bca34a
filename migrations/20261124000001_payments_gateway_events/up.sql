-- One row for each message of a gateway: that something happened to a payment. What it says of the payment is not kept:
-- whoever applies it asks the gateway. A claim moves due_at into the future, which is its lease.
CREATE TABLE payments.gateway_events (
    tenant_id          uuid        NOT NULL,
    gateway            text        NOT NULL CHECK (length(gateway) BETWEEN 1 AND 50),
    event_id           text        NOT NULL CHECK (length(event_id) BETWEEN 1 AND 255),
    type               text        NOT NULL CHECK (length(type) BETWEEN 1 AND 100),
    -- The payment that it is about; an attempt has the same reference if the payment is ours.
    reference          text        CHECK (length(reference) BETWEEN 1 AND 255),
    -- The order that the gateway was told; a hint, which only an attempt proves.
    order_id           uuid,
    gateway_created_at timestamptz NOT NULL,
    received_at        timestamptz NOT NULL DEFAULT now(),
    due_at             timestamptz NOT NULL DEFAULT now(),
    tries              integer     NOT NULL DEFAULT 0 CHECK (tries >= 0),
    applied_at         timestamptz,
    outcome            text        CHECK (length(outcome) BETWEEN 1 AND 100),
    PRIMARY KEY (tenant_id, gateway, event_id),
    CONSTRAINT gateway_events_outcome_of_applied CHECK ((outcome IS NOT NULL) = (applied_at IS NOT NULL)),
    CONSTRAINT gateway_events_reference_of_open CHECK (reference IS NOT NULL OR applied_at IS NOT NULL)
);
CREATE INDEX gateway_events_due ON payments.gateway_events (tenant_id, due_at) WHERE applied_at IS NULL;
CREATE INDEX gateway_events_applied ON payments.gateway_events (tenant_id, applied_at) WHERE applied_at IS NOT NULL;
