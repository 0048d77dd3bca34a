-- Money also leaves without us: refunds made at the gateway itself, and disputes that were lost. Each is a refund of its own.
ALTER TABLE payments.refunds
    ADD COLUMN actor text NOT NULL DEFAULT 'oms' CHECK (actor IN ('oms', 'gateway', 'dispute'));
-- We ask for one refund of a payment at a time; how many others do is not ours to say.
DROP INDEX payments.refunds_one_pending_per_attempt;
CREATE UNIQUE INDEX refunds_one_pending_per_attempt ON payments.refunds (tenant_id, attempt_id)
    WHERE state = 'pending' AND actor = 'oms';
-- Whoever notices a refund first books it, and nobody books it again.
CREATE UNIQUE INDEX refunds_one_per_reference ON payments.refunds (tenant_id, attempt_id, reference)
    WHERE reference IS NOT NULL;
