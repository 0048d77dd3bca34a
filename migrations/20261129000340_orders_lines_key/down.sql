ALTER TABLE orders.lines ADD FOREIGN KEY (tenant_id, order_id) REFERENCES orders.orders (tenant_id, id);
