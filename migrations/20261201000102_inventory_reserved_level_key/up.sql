SET LOCAL lock_timeout = '5s';

-- Stock is reserved in the transaction that has locked its stock level, and stock levels are never deleted. So the key could
-- fail for nobody, but each reservation was checked. The invariant `owned-rows` has the rule.
ALTER TABLE inventory.reservations DROP CONSTRAINT reservations_tenant_id_warehouse_id_product_id_fkey;
