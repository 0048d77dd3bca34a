DROP TABLE orders.declines;
DROP INDEX orders.reconciliations_unpaid;
ALTER TABLE orders.reconciliations DROP COLUMN customer_id, DROP COLUMN units;
