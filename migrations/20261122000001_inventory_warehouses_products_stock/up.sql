-- PostGIS has to be installed by a superuser beforehand; where it is, this line does nothing.
CREATE EXTENSION IF NOT EXISTS postgis;
-- Lets tenant_id lead the spatial index.
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE SCHEMA inventory;

CREATE TABLE inventory.warehouses (
    tenant_id  uuid                   NOT NULL,
    id         uuid                   NOT NULL,
    name       text                   NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    location   geography(Point, 4326) NOT NULL,
    active     boolean                NOT NULL DEFAULT true,
    created_at timestamptz            NOT NULL DEFAULT now(),
    updated_at timestamptz            NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);
-- Routing walks it by distance.
CREATE INDEX warehouses_by_location ON inventory.warehouses USING gist (tenant_id, location) WHERE active;

CREATE TABLE inventory.products (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    sku        text        NOT NULL CHECK (length(sku) BETWEEN 1 AND 100),
    name       text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, sku)
);

CREATE TABLE inventory.prices (
    tenant_id        uuid        NOT NULL,
    product_id       uuid        NOT NULL,
    currency         text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    unit_price_minor bigint      NOT NULL CHECK (unit_price_minor BETWEEN 1 AND 1000000000000),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, product_id, currency),
    FOREIGN KEY (tenant_id, product_id) REFERENCES inventory.products (tenant_id, id)
);

-- No index may hold on_hand or reserved: the updates of these rows would no longer be heap-only.
CREATE TABLE inventory.stock_levels (
    tenant_id    uuid    NOT NULL,
    warehouse_id uuid    NOT NULL,
    product_id   uuid    NOT NULL,
    on_hand      integer NOT NULL,
    reserved     integer NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, warehouse_id, product_id),
    FOREIGN KEY (tenant_id, warehouse_id) REFERENCES inventory.warehouses (tenant_id, id),
    FOREIGN KEY (tenant_id, product_id) REFERENCES inventory.products (tenant_id, id),
    CONSTRAINT stock_levels_never_oversold CHECK (0 <= reserved AND reserved <= on_hand)
) WITH (fillfactor = 70);
-- Routing starts here when few warehouses have the product.
CREATE INDEX stock_levels_by_product ON inventory.stock_levels (tenant_id, product_id, warehouse_id);

CREATE TABLE inventory.reservations (
    tenant_id    uuid        NOT NULL,
    order_id     uuid        NOT NULL,
    warehouse_id uuid        NOT NULL,
    product_id   uuid        NOT NULL,
    quantity     integer     NOT NULL CHECK (quantity > 0),
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, order_id, warehouse_id, product_id),
    FOREIGN KEY (tenant_id, warehouse_id, product_id)
        REFERENCES inventory.stock_levels (tenant_id, warehouse_id, product_id)
);
CREATE INDEX reservations_by_stock_level ON inventory.reservations (tenant_id, warehouse_id, product_id);

-- Physical changes, append-only. on_hand is the sum of a level's movements.
CREATE TABLE inventory.stock_movements (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    warehouse_id uuid        NOT NULL,
    product_id   uuid        NOT NULL,
    kind         text        NOT NULL
        CHECK (kind IN ('receipt', 'adjustment', 'shipment', 'return', 'transfer_in', 'transfer_out')),
    quantity     integer     NOT NULL,
    reason       text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    actor        text        NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
    occurred_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, warehouse_id, product_id)
        REFERENCES inventory.stock_levels (tenant_id, warehouse_id, product_id),
    CONSTRAINT stock_movements_sign CHECK (
        CASE kind
            WHEN 'adjustment' THEN quantity <> 0
            WHEN 'shipment' THEN quantity < 0
            WHEN 'transfer_out' THEN quantity < 0
            ELSE quantity > 0
        END
    )
);
CREATE INDEX stock_movements_by_stock_level
    ON inventory.stock_movements (tenant_id, warehouse_id, product_id, occurred_at);
