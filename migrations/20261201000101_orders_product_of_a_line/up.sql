SET LOCAL lock_timeout = '5s';

-- A request with two lines of one product is refused before anything is written, lines never change their product, and
-- everything refers to a line by its number. So this index refused nothing, and no query used it. The invariant
-- `distinct-products` has the rule.
ALTER TABLE orders.lines DROP CONSTRAINT lines_tenant_id_order_id_product_id_key;
