ALTER TABLE orders.idempotency_keys DROP COLUMN result_id;
ALTER TABLE orders.events DROP COLUMN data;
ALTER TABLE orders.events DROP COLUMN type;
DROP DOMAIN orders.event_data;
DROP DOMAIN orders.event_type;
