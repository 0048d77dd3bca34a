SET LOCAL lock_timeout = '5s';

ALTER TABLE inventory.stock_movements VALIDATE CONSTRAINT stock_movements_sign;
