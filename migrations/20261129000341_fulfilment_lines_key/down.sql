ALTER TABLE fulfilment.lines ADD FOREIGN KEY (tenant_id, fulfilment_order_id)
    REFERENCES fulfilment.fulfilment_orders (tenant_id, id);
