DROP TABLE inventory.idempotency_keys;
DROP INDEX inventory.stock_movements_by_warehouse;
DROP INDEX inventory.stock_movements_by_product;
DROP INDEX inventory.stock_movements_by_stock_level;
CREATE INDEX stock_movements_by_stock_level
    ON inventory.stock_movements (tenant_id, warehouse_id, product_id, occurred_at);
ALTER TABLE inventory.stock_movements DROP COLUMN change_id;
ALTER TABLE inventory.stock_levels DROP COLUMN safety_stock;
ALTER TABLE inventory.products DROP COLUMN version;
ALTER TABLE inventory.warehouses DROP COLUMN version, DROP COLUMN address;
