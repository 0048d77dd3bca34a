-- What operators edit carries a version, which If-Match compares.
ALTER TABLE inventory.warehouses
    ADD COLUMN address text CHECK (length(address) BETWEEN 1 AND 500),
    ADD COLUMN version integer NOT NULL DEFAULT 1 CHECK (version > 0);
ALTER TABLE inventory.products
    ADD COLUMN version integer NOT NULL DEFAULT 1 CHECK (version > 0);

-- Pieces that routing leaves alone. No index may hold it, for the same reason as on_hand and reserved.
ALTER TABLE inventory.stock_levels
    ADD COLUMN safety_stock integer NOT NULL DEFAULT 0
        CONSTRAINT stock_levels_safety_stock CHECK (safety_stock >= 0);

-- What was done at once has one id: both ends of a transfer, all lines of a receipt.
ALTER TABLE inventory.stock_movements ADD COLUMN change_id uuid;
CREATE INDEX stock_movements_by_change ON inventory.stock_movements (tenant_id, change_id)
    WHERE change_id IS NOT NULL;
-- The audit trail is read by id, newest first, of all or of one level, product or warehouse.
DROP INDEX inventory.stock_movements_by_stock_level;
CREATE INDEX stock_movements_by_stock_level
    ON inventory.stock_movements (tenant_id, warehouse_id, product_id, id);
CREATE INDEX stock_movements_by_product ON inventory.stock_movements (tenant_id, product_id, id);
CREATE INDEX stock_movements_by_warehouse ON inventory.stock_movements (tenant_id, warehouse_id, id);

-- Claimed in the transaction of the change that it stands for.
CREATE TABLE inventory.idempotency_keys (
    tenant_id       uuid        NOT NULL,
    idempotency_key text        NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    fingerprint     bytea       NOT NULL CHECK (length(fingerprint) = 32),
    result_id       uuid        NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, idempotency_key)
);
