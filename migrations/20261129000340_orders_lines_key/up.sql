SET LOCAL lock_timeout = '5s';

-- A line is inserted with its order, and neither is ever deleted. So the key could fail for nobody, but each line of a
-- new order was checked, and locked its order. The invariant `owned-lines` has the rule.
ALTER TABLE orders.lines DROP CONSTRAINT lines_tenant_id_order_id_fkey;
