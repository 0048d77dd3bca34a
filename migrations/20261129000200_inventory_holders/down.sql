COMMENT ON COLUMN inventory.reservations.order_id IS NULL;
ALTER TABLE inventory.stock_movements DROP CONSTRAINT stock_movements_sign;
ALTER TABLE inventory.stock_movements ALTER COLUMN kind TYPE text;
DROP DOMAIN inventory.movement_kind;
ALTER TABLE inventory.stock_movements DROP COLUMN quarantined;
ALTER TABLE inventory.stock_movements
    ADD CONSTRAINT stock_movements_kind_check
        CHECK (kind IN ('receipt', 'adjustment', 'shipment', 'return', 'transfer_in', 'transfer_out')),
    ADD CONSTRAINT stock_movements_sign CHECK (
        CASE kind
            WHEN 'adjustment' THEN quantity <> 0
            WHEN 'shipment' THEN quantity < 0
            WHEN 'transfer_out' THEN quantity < 0
            ELSE quantity > 0
        END
    );
ALTER TABLE inventory.stock_levels DROP CONSTRAINT stock_levels_never_oversold;
ALTER TABLE inventory.stock_levels
    DROP COLUMN backordered,
    DROP COLUMN quarantined,
    ADD CONSTRAINT stock_levels_never_oversold CHECK (0 <= reserved AND reserved <= on_hand);
DROP DOMAIN inventory.unit_count;
