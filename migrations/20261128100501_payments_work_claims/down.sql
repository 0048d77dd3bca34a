ALTER TABLE payments.gateway_events DROP COLUMN claim;
