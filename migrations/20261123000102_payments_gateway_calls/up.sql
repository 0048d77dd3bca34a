-- One row for each call to a gateway, never changed. It holds no secret and no payment method. The order comes before
-- the id, so that one index serves both the key and the history of an order.
CREATE TABLE payments.gateway_calls (
    tenant_id    uuid        NOT NULL,
    order_id     uuid        NOT NULL,
    id           uuid        NOT NULL,
    attempt_id   uuid        NOT NULL,
    operation    text        NOT NULL CHECK (length(operation) BETWEEN 1 AND 50),
    gateway      text        NOT NULL CHECK (length(gateway) BETWEEN 1 AND 50),
    reference    text        CHECK (length(reference) BETWEEN 1 AND 255),
    request_id   text        CHECK (length(request_id) BETWEEN 1 AND 100),
    outcome      text        NOT NULL CHECK (length(outcome) BETWEEN 1 AND 250),
    effect       text        NOT NULL CHECK (effect IN ('known', 'unknown')),
    duration_ms  integer     NOT NULL CHECK (duration_ms >= 0),
    called_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, order_id, id)
);
