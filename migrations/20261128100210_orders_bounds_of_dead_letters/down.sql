DROP INDEX orders.dead_letters_unpaid;
ALTER TABLE orders.dead_letters DROP COLUMN customer_id, DROP COLUMN units;
