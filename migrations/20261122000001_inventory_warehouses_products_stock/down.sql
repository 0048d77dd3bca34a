-- The extensions stay: they may be somebody else's.
DROP TABLE inventory.stock_movements;
DROP TABLE inventory.reservations;
DROP TABLE inventory.stock_levels;
DROP TABLE inventory.prices;
DROP TABLE inventory.products;
DROP TABLE inventory.warehouses;
DROP SCHEMA inventory;
