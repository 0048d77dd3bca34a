ALTER TABLE payments.gateway_calls DROP COLUMN actor;
