SET LOCAL lock_timeout = '5s';

-- The conditions on single columns of stock levels and reservations become domains. PostgreSQL reads and plans the
-- text of every CHECK of a table in each INSERT and UPDATE, and the constraint of a domain once per session.
--
-- A column changes to a domain without a rewrite as long as the domain has no constraint, so the domains get theirs
-- afterwards. NOT VALID: the CHECKs that are dropped here have already refused every row that would not fit.
CREATE DOMAIN inventory.quantity AS integer;
CREATE DOMAIN inventory.safety_stock AS integer;

ALTER TABLE inventory.stock_levels DROP CONSTRAINT stock_levels_safety_stock;
-- online: nothing is rewritten; partial indexes and remaining CHECKs on these columns take seconds per million rows
ALTER TABLE inventory.stock_levels
    ALTER COLUMN safety_stock TYPE inventory.safety_stock;

ALTER TABLE inventory.reservations DROP CONSTRAINT reservations_quantity_check;
-- online: nothing is rewritten; partial indexes and remaining CHECKs on these columns take seconds per million rows
ALTER TABLE inventory.reservations
    ALTER COLUMN quantity TYPE inventory.quantity;

ALTER DOMAIN inventory.quantity ADD CONSTRAINT quantity_check CHECK (VALUE > 0) NOT VALID;
ALTER DOMAIN inventory.safety_stock ADD CONSTRAINT safety_stock_check CHECK (VALUE >= 0) NOT VALID;
