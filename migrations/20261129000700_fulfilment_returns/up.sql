SET LOCAL lock_timeout = '5s';

CREATE DOMAIN fulfilment.return_status AS text
    CONSTRAINT return_status_check CHECK (VALUE IN (
        'REQUESTED', 'APPROVED', 'DECLINED', 'RECEIVED', 'CLOSED', 'CANCELLED'));
CREATE DOMAIN fulfilment.return_requester AS text
    CONSTRAINT return_requester_check CHECK (VALUE IN ('customer', 'operator'));
CREATE DOMAIN fulfilment.return_reason AS text
    CONSTRAINT return_reason_check CHECK (VALUE IN (
        'unwanted', 'wrong_size', 'defective', 'damaged', 'wrong_item', 'not_as_described', 'late', 'other'));
CREATE DOMAIN fulfilment.return_terms AS jsonb
    CONSTRAINT return_terms_check CHECK (jsonb_typeof(VALUE) = 'object');
CREATE DOMAIN fulfilment.receipt_lines AS jsonb
    CONSTRAINT receipt_lines_check CHECK (jsonb_typeof(VALUE) = 'array');

-- What customers send back. The texts are null once personal data is erased.
CREATE TABLE fulfilment.returns (
    tenant_id       uuid                        NOT NULL,
    id              uuid                        NOT NULL,
    order_id        uuid                        NOT NULL,
    number          fulfilment.ordinal          NOT NULL,
    status          fulfilment.return_status    NOT NULL,
    version         fulfilment.ordinal          NOT NULL DEFAULT 1,
    -- Where it is expected. Null before it is approved, unless the request names it.
    warehouse_id    uuid,
    requested_by    fulfilment.return_requester NOT NULL,
    note            fulfilment.note,
    -- Why an operator accepts it after its window.
    override_reason fulfilment.note,
    -- Why it was declined, cancelled or closed.
    decision_reason fulfilment.note,
    -- What was agreed about its money, which fulfilment does not read.
    terms           fulfilment.return_terms     NOT NULL,
    requested_at    timestamptz                 NOT NULL DEFAULT now(),
    updated_at      timestamptz                 NOT NULL DEFAULT now(),
    -- When it is closed if nothing of it was received.
    expires_at      timestamptz,
    closed_at       timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, order_id, number),
    CONSTRAINT returns_closed CHECK ((closed_at IS NOT NULL) = (status IN ('DECLINED', 'CLOSED', 'CANCELLED'))),
    CONSTRAINT returns_expected CHECK (
        (warehouse_id IS NOT NULL AND expires_at IS NOT NULL) OR status IN ('REQUESTED', 'DECLINED', 'CANCELLED'))
) WITH (fillfactor = 80);

-- The work lists of returns desks and of warehouses: the oldest first.
CREATE INDEX returns_open ON fulfilment.returns (tenant_id, id) WHERE closed_at IS NULL;
CREATE INDEX returns_open_of_a_warehouse ON fulfilment.returns (tenant_id, warehouse_id, id) WHERE closed_at IS NULL;
CREATE INDEX returns_expiring ON fulfilment.returns (tenant_id, expires_at) WHERE status = 'APPROVED';

-- The lines of an order that a return has, under their numbers in the order.
CREATE TABLE fulfilment.return_lines (
    tenant_id   uuid                     NOT NULL,
    return_id   uuid                     NOT NULL,
    line_number fulfilment.ordinal       NOT NULL,
    product_id  uuid                     NOT NULL,
    quantity    fulfilment.quantity      NOT NULL,
    reason      fulfilment.return_reason NOT NULL,
    restocked   fulfilment.units         NOT NULL DEFAULT 0,
    quarantined fulfilment.units         NOT NULL DEFAULT 0,
    discarded   fulfilment.units         NOT NULL DEFAULT 0,
    missing     fulfilment.units         NOT NULL DEFAULT 0,
    -- Units for which the customer has done enough: those received, and those that need not be sent back.
    accepted    fulfilment.units         NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, return_id, line_number),
    FOREIGN KEY (tenant_id, return_id) REFERENCES fulfilment.returns (tenant_id, id),
    CONSTRAINT return_lines_add_up CHECK (restocked + quarantined + discarded + missing <= quantity),
    CONSTRAINT return_lines_accepted CHECK (
        restocked + quarantined + discarded <= accepted AND accepted <= quantity)
) WITH (fillfactor = 80);

-- What arrived, and what was done with it. Append-only.
CREATE TABLE fulfilment.return_receipts (
    tenant_id    uuid                     NOT NULL,
    return_id    uuid                     NOT NULL,
    id           uuid                     NOT NULL,
    warehouse_id uuid                     NOT NULL,
    lines        fulfilment.receipt_lines NOT NULL,
    actor        fulfilment.actor         NOT NULL,
    received_at  timestamptz              NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, return_id, id),
    FOREIGN KEY (tenant_id, return_id) REFERENCES fulfilment.returns (tenant_id, id)
);
