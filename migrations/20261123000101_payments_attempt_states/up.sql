-- What was last heard of a payment has states of its own, and so has giving money back. What used to be `prepared` is
-- `sent`: the reference is stored, and a confirmation may be under way.
DROP INDEX payments.attempts_one_open_per_order;
ALTER TABLE payments.attempts DROP CONSTRAINT attempts_state_check;
ALTER TABLE payments.attempts ADD COLUMN captured_minor bigint CHECK (captured_minor > 0);
UPDATE payments.attempts SET state = 'sent' WHERE state = 'prepared';
UPDATE payments.attempts SET captured_minor = amount_minor WHERE state = 'paid';
ALTER TABLE payments.attempts
    ADD CONSTRAINT attempts_state CHECK (state IN (
        'created', 'sent', 'authorised', 'needs_action', 'processing', 'unknown', 'voiding', 'voided', 'declined',
        'paid', 'refunding', 'refunded'
    )),
    ADD CONSTRAINT attempts_captured_if_paid CHECK (
        (captured_minor IS NOT NULL) = (state IN ('paid', 'refunding', 'refunded'))
    );
-- A new attempt only after the one before it is proven dead, or all of its money was given back.
CREATE UNIQUE INDEX attempts_one_alive_per_order ON payments.attempts (tenant_id, order_id)
    WHERE state NOT IN ('declined', 'voided', 'refunded');
