-- An attempt's states say what may be under way at the gateway, and what it last said.
ALTER TABLE payments.attempts ADD COLUMN captured_minor bigint CHECK (captured_minor > 0);
ALTER TABLE payments.attempts
    DROP CONSTRAINT attempts_state_check,
    DROP CONSTRAINT attempts_no_money_without_reference;
DROP INDEX payments.attempts_one_open_per_order;

UPDATE payments.attempts SET state = 'sent' WHERE state = 'prepared';
UPDATE payments.attempts SET captured_minor = amount_minor WHERE state = 'paid';

ALTER TABLE payments.attempts
    ADD CONSTRAINT attempts_state_check CHECK (
        state IN ('created', 'sent', 'authorised', 'needs_action', 'processing', 'unknown', 'voiding', 'voided',
                  'declined', 'paid', 'refunding', 'refunded')
    ),
    ADD CONSTRAINT attempts_no_money_without_reference CHECK (
        reference IS NOT NULL OR state IN ('created', 'voided')
    ),
    ADD CONSTRAINT attempts_captured_of_paid CHECK (
        (captured_minor IS NOT NULL) = (state IN ('paid', 'refunding', 'refunded'))
    );
-- An order gets another attempt only when the one before it is dead.
CREATE UNIQUE INDEX attempts_one_live_per_order ON payments.attempts (tenant_id, order_id)
    WHERE state NOT IN ('voided', 'declined', 'refunded');

-- The history of the calls to gateways: append-only. There is no foreign key: nothing checks a row of history for the
-- price of a lock on the attempt, which is being changed in the same statement.
CREATE TABLE payments.gateway_calls (
    tenant_id   uuid        NOT NULL,
    order_id    uuid        NOT NULL,
    id          uuid        NOT NULL,
    attempt_id  uuid        NOT NULL,
    operation   text        NOT NULL CHECK (length(operation) BETWEEN 1 AND 50),
    gateway     text        NOT NULL CHECK (length(gateway) BETWEEN 1 AND 50),
    reference   text        CHECK (length(reference) BETWEEN 1 AND 255),
    request_id  text        CHECK (length(request_id) BETWEEN 1 AND 255),
    outcome     text        NOT NULL CHECK (length(outcome) BETWEEN 1 AND 250),
    effect      text        NOT NULL CHECK (effect IN ('known', 'unknown')),
    duration_ms integer     NOT NULL CHECK (duration_ms >= 0),
    called_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, order_id, id)
);

-- Money of a paid attempt that is given back.
CREATE TABLE payments.refunds (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    order_id        uuid        NOT NULL,
    attempt_id      uuid        NOT NULL,
    number          integer     NOT NULL CHECK (number > 0),
    amount_minor    bigint      NOT NULL CHECK (amount_minor > 0),
    -- What is left of the captured amount once this refund is done.
    left_minor      bigint      NOT NULL CHECK (left_minor >= 0),
    currency        text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    state           text        NOT NULL CHECK (state IN ('pending', 'refunded', 'failed')),
    -- NULL for a refund that nobody asked for by itself: that of a cancellation.
    idempotency_key text        CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    reason          text        CHECK (length(reason) BETWEEN 1 AND 500),
    reference       text        CHECK (length(reference) BETWEEN 1 AND 255),
    failure_code    text        CHECK (length(failure_code) BETWEEN 1 AND 100),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, order_id, number),
    UNIQUE (tenant_id, idempotency_key),
    FOREIGN KEY (tenant_id, attempt_id) REFERENCES payments.attempts (tenant_id, id),
    CONSTRAINT refunds_failure_code_of_failed CHECK ((failure_code IS NOT NULL) = (state = 'failed'))
);
CREATE INDEX refunds_by_attempt ON payments.refunds (tenant_id, attempt_id);
-- The gateway is asked for one refund of a payment at a time.
CREATE UNIQUE INDEX refunds_one_pending_per_attempt ON payments.refunds (tenant_id, attempt_id)
    WHERE state = 'pending';
