-- The program of before knows no more of an open attempt than that it is prepared, and nothing of refunds.
DROP INDEX payments.attempts_one_alive_per_order;
ALTER TABLE payments.attempts
    DROP CONSTRAINT attempts_captured_if_paid,
    DROP CONSTRAINT attempts_state,
    DROP COLUMN captured_minor;
UPDATE payments.attempts SET state = 'prepared'
    WHERE state IN ('sent', 'authorised', 'needs_action', 'processing', 'unknown', 'voiding');
UPDATE payments.attempts SET state = 'paid' WHERE state IN ('refunding', 'refunded');
ALTER TABLE payments.attempts ADD CONSTRAINT attempts_state_check
    CHECK (state IN ('created', 'prepared', 'paid', 'declined', 'voided'));
CREATE UNIQUE INDEX attempts_one_open_per_order ON payments.attempts (tenant_id, order_id)
    WHERE state IN ('created', 'prepared');
