-- Money of a paid attempt that is given back. `left_minor` is what is left of the captured amount once this refund is
-- done; whoever inserts a row holds the attempt's lock and has counted the rows before it.
CREATE TABLE payments.refunds (
    tenant_id        uuid        NOT NULL,
    id               uuid        NOT NULL,
    order_id         uuid        NOT NULL,
    attempt_id       uuid        NOT NULL,
    number           integer     NOT NULL CHECK (number > 0),
    amount_minor     bigint      NOT NULL CHECK (amount_minor > 0),
    left_minor       bigint      NOT NULL CHECK (left_minor >= 0),
    currency         text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    state            text        NOT NULL CHECK (state IN ('pending', 'refunded', 'failed')),
    idempotency_key  text        CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    reason           text        CHECK (length(reason) BETWEEN 1 AND 500),
    reference        text        CHECK (length(reference) BETWEEN 1 AND 255),
    failure_code     text        CHECK (length(failure_code) BETWEEN 1 AND 100),
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, order_id, number),
    CONSTRAINT refunds_idempotency_key UNIQUE (tenant_id, idempotency_key),
    CONSTRAINT refunds_of_an_attempt
        FOREIGN KEY (tenant_id, attempt_id) REFERENCES payments.attempts (tenant_id, id),
    CONSTRAINT refunds_failure_code_of_failures CHECK ((failure_code IS NOT NULL) = (state = 'failed'))
);
CREATE INDEX refunds_by_attempt ON payments.refunds (tenant_id, attempt_id);
-- One at a time: what is left is known only when the one before it has ended.
CREATE UNIQUE INDEX refunds_one_pending_per_attempt ON payments.refunds (tenant_id, attempt_id)
    WHERE state = 'pending';
