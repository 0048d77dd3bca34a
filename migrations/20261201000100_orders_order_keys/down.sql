ALTER TABLE orders.reconciliations ADD FOREIGN KEY (tenant_id, order_id) REFERENCES orders.orders (tenant_id, id);
ALTER TABLE orders.events ADD FOREIGN KEY (tenant_id, order_id) REFERENCES orders.orders (tenant_id, id);
