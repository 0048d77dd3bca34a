DROP INDEX payments.refunds_one_per_reference;
DROP INDEX payments.refunds_one_pending_per_attempt;
DELETE FROM payments.refunds WHERE actor <> 'oms';
CREATE UNIQUE INDEX refunds_one_pending_per_attempt ON payments.refunds (tenant_id, attempt_id)
    WHERE state = 'pending';
ALTER TABLE payments.refunds DROP COLUMN actor;
