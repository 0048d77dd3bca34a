ALTER TABLE inventory.stock_levels
    ALTER COLUMN safety_stock TYPE integer,
    ADD CONSTRAINT stock_levels_safety_stock CHECK (safety_stock >= 0);
ALTER TABLE inventory.reservations
    ALTER COLUMN quantity TYPE integer,
    ADD CONSTRAINT reservations_quantity_check CHECK (quantity > 0);
DROP DOMAIN inventory.quantity;
DROP DOMAIN inventory.safety_stock;
