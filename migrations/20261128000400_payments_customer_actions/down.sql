ALTER TABLE payments.attempts DROP COLUMN customer_action;
