SET LOCAL lock_timeout = '5s';

ALTER TABLE inventory.warehouses VALIDATE CONSTRAINT warehouses_evacuated_inactive;
