-- A change ships or takes back a product once: a shipment and a receipt of a return concern one warehouse.
CREATE UNIQUE INDEX CONCURRENTLY stock_movements_once
    ON inventory.stock_movements (tenant_id, change_id, kind, product_id)
    WHERE kind IN ('shipment', 'shipment_cancelled', 'return');
