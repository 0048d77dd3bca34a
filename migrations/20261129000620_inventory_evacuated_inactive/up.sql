SET LOCAL lock_timeout = '5s';

-- An instance of the version before evacuations doesn't know that an evacuated warehouse must not be activated. The
-- database refuses it.
ALTER TABLE inventory.warehouses ADD CONSTRAINT warehouses_evacuated_inactive
    CHECK (NOT (active AND evacuation_id IS NOT NULL)) NOT VALID;
