DROP TABLE orders.erasures;
ALTER TABLE orders.orders DROP COLUMN erased_at;
