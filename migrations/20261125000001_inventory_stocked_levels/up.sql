-- Routing starts here when few warehouses have the product: it steps over the levels that have run out, of which a large
-- network has many more. Only a physical change moves a level in or out of it; holding stock leaves on_hand as it is, so
-- that those updates stay heap-only.
CREATE INDEX stock_levels_stocked ON inventory.stock_levels (tenant_id, product_id, warehouse_id)
    WHERE on_hand > 0;
