DROP TABLE payments.refunds;
DROP TABLE payments.gateway_calls;
DROP INDEX payments.attempts_one_live_per_order;
ALTER TABLE payments.attempts
    DROP CONSTRAINT attempts_captured_of_paid,
    DROP CONSTRAINT attempts_no_money_without_reference,
    DROP CONSTRAINT attempts_state_check,
    DROP COLUMN captured_minor;
-- What the older version does not know of: paid is paid, and what is open is looked up again.
UPDATE payments.attempts SET state = 'paid' WHERE state IN ('refunding', 'refunded');
UPDATE payments.attempts SET state = 'prepared'
WHERE state IN ('sent', 'authorised', 'needs_action', 'processing', 'unknown', 'voiding');
ALTER TABLE payments.attempts
    ADD CONSTRAINT attempts_state_check
        CHECK (state IN ('created', 'prepared', 'paid', 'declined', 'voided')),
    ADD CONSTRAINT attempts_no_money_without_reference CHECK (
        reference IS NOT NULL OR state IN ('created', 'voided')
    );
CREATE UNIQUE INDEX attempts_one_open_per_order ON payments.attempts (tenant_id, order_id)
    WHERE state IN ('created', 'prepared');
