SET LOCAL lock_timeout = '5s';

-- Stock leaves a warehouse, comes back, and may be set aside or waited for.
--
-- available = on_hand - reserved - backordered - quarantined - safety_stock
--
-- The columns have a default that PostgreSQL stores once, and their domain gets its constraint afterwards, so nothing
-- is rewritten.
CREATE DOMAIN inventory.unit_count AS integer;
ALTER TABLE inventory.stock_levels ADD COLUMN backordered inventory.unit_count NOT NULL DEFAULT 0;
ALTER TABLE inventory.stock_levels ADD COLUMN quarantined inventory.unit_count NOT NULL DEFAULT 0;
ALTER DOMAIN inventory.unit_count ADD CONSTRAINT unit_count_check CHECK (VALUE >= 0) NOT VALID;

-- Units in quarantine can't be reserved. It also stops the version before this one, which does not know the column and
-- might reserve them.
ALTER TABLE inventory.stock_levels DROP CONSTRAINT stock_levels_never_oversold;
ALTER TABLE inventory.stock_levels ADD CONSTRAINT stock_levels_never_oversold
    CHECK (0 <= reserved AND reserved + quarantined <= on_hand) NOT VALID;

-- Each movement also says how many units it put into quarantine or took out of it, so that quarantined units are the
-- sum of their movements, like the units on hand.
ALTER TABLE inventory.stock_movements ADD COLUMN quarantined integer NOT NULL DEFAULT 0;
ALTER TABLE inventory.stock_movements DROP CONSTRAINT stock_movements_kind_check;
ALTER TABLE inventory.stock_movements DROP CONSTRAINT stock_movements_sign;
CREATE DOMAIN inventory.movement_kind AS text;
-- online: the domain has no constraint yet, and no index or CHECK contains the column, so nothing is rewritten or read
ALTER TABLE inventory.stock_movements ALTER COLUMN kind TYPE inventory.movement_kind;
-- The CHECK that is dropped above has already refused every other kind.
ALTER DOMAIN inventory.movement_kind ADD CONSTRAINT movement_kind_check CHECK (VALUE IN (
    'receipt', 'adjustment', 'shipment', 'shipment_cancelled', 'return', 'transfer_in', 'transfer_out', 'write_off',
    'quarantine', 'quarantine_release')) NOT VALID;
ALTER TABLE inventory.stock_movements ADD CONSTRAINT stock_movements_sign CHECK (
    CASE
        WHEN kind = 'adjustment' THEN quantity <> 0 AND quarantined = 0
        WHEN kind IN ('shipment', 'transfer_out') THEN quantity < 0 AND quarantined = 0
        WHEN kind = 'write_off' THEN quantity < 0 AND quarantined BETWEEN quantity AND 0
        WHEN kind = 'return' THEN quantity > 0 AND quarantined BETWEEN 0 AND quantity
        WHEN kind = 'quarantine' THEN quantity = 0 AND quarantined > 0
        WHEN kind = 'quarantine_release' THEN quantity = 0 AND quarantined < 0
        ELSE quantity > 0 AND quarantined = 0
    END
) NOT VALID;

-- A reservation belongs to a holder: an order, and later other owners of stock. The column keeps its name, because the
-- version before this one reads and writes it while instances are replaced. See docs/decisions/reservation-holders.md.
COMMENT ON COLUMN inventory.reservations.order_id IS 'The holder, such as an order';
