ALTER TABLE orders.lines ADD UNIQUE (tenant_id, order_id, product_id);
