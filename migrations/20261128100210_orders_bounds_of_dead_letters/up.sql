SET LOCAL lock_timeout = '5s';

-- As in orders.reconciliations: the customer and the units of an unpaid order that was left to an operator, which still holds
-- its stock. NULL once it is resolved, and for an order that is paid.
ALTER TABLE orders.dead_letters ADD COLUMN customer_id uuid;
ALTER TABLE orders.dead_letters ADD COLUMN units bigint;
-- online: there are few dead letters, so the index is built in milliseconds
CREATE INDEX dead_letters_unpaid ON orders.dead_letters (tenant_id, customer_id) INCLUDE (units)
    WHERE customer_id IS NOT NULL AND resolved_at IS NULL;
