DROP INDEX orders.orders_by_external_reference;
ALTER TABLE orders.orders DROP COLUMN metadata, DROP COLUMN external_reference;
