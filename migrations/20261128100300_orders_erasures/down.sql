DROP INDEX orders.idempotency_keys_by_age;
DROP TABLE orders.erasures;
ALTER TABLE orders.orders DROP COLUMN erased_at;
