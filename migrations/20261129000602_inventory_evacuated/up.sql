SET LOCAL lock_timeout = '5s';

-- The evacuation that keeps a warehouse from being activated.
ALTER TABLE inventory.warehouses ADD COLUMN evacuation_id uuid;
