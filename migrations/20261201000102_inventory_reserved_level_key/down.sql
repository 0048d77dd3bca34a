ALTER TABLE inventory.reservations ADD FOREIGN KEY (tenant_id, warehouse_id, product_id)
    REFERENCES inventory.stock_levels (tenant_id, warehouse_id, product_id);
