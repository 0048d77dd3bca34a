SET LOCAL lock_timeout = '5s';

-- An event and a row of the work list are inserted for an order that the same transaction inserts or locks, and orders
-- are never deleted. So the keys could fail for nobody, but each event was checked, and locked its order. The invariant
-- `owned-rows` has the rule.
ALTER TABLE orders.events DROP CONSTRAINT events_tenant_id_order_id_fkey;
ALTER TABLE orders.reconciliations DROP CONSTRAINT reconciliations_tenant_id_order_id_fkey;
