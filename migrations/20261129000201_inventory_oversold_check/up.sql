SET LOCAL lock_timeout = '5s';

ALTER TABLE inventory.stock_levels VALIDATE CONSTRAINT stock_levels_never_oversold;
