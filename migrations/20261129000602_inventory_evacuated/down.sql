ALTER TABLE inventory.warehouses DROP COLUMN evacuation_id;
