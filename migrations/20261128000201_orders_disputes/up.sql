-- Payments of orders that customers dispute at their bank, as the gateway has them.
CREATE TABLE orders.disputes (
    tenant_id       uuid        NOT NULL,
    order_id        uuid        NOT NULL,
    reference       text        NOT NULL CHECK (length(reference) BETWEEN 1 AND 255),
    gateway         text        NOT NULL CHECK (length(gateway) BETWEEN 1 AND 50),
    state           text        NOT NULL CHECK (state IN (
        'warning_needs_response', 'warning_under_review', 'warning_closed', 'needs_response', 'under_review', 'won',
        'lost', 'prevented')),
    amount_minor    bigint      NOT NULL CHECK (amount_minor >= 0),
    currency        text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    reason          text        NOT NULL CHECK (length(reason) BETWEEN 0 AND 100),
    evidence_due_at timestamptz,
    -- By the gateway's clock.
    opened_at       timestamptz NOT NULL,
    noted_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, order_id, reference),
    FOREIGN KEY (tenant_id, order_id) REFERENCES orders.orders (tenant_id, id)
);

-- A refund that failed and a dispute are findings of their own, named by the gateway.
ALTER TABLE orders.findings
    DROP CONSTRAINT findings_kind_check,
    ADD CONSTRAINT findings_kind_check CHECK (kind IN (
        'charge_without_order', 'paid_without_charge', 'amount_mismatch', 'charge_on_ended_order',
        'authorisation_on_ended_order', 'refund_failed', 'payment_disputed')),
    DROP CONSTRAINT findings_subject_is_named,
    ADD CONSTRAINT findings_subject_is_named CHECK (
        kind IN ('refund_failed', 'payment_disputed')
        OR coalesce(subject IN (charge_reference, payment_reference), false));
