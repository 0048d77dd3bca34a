DROP TABLE payments.attempts;
DROP SCHEMA payments;
