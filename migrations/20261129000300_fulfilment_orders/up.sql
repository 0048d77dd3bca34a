SET LOCAL lock_timeout = '5s';

-- What warehouses have to send for paid orders, and what they have sent.
CREATE SCHEMA fulfilment;

CREATE DOMAIN fulfilment.fulfilment_order_status AS text
    CONSTRAINT fulfilment_order_status_check CHECK (VALUE IN ('OPEN', 'IN_PROGRESS', 'CLOSED', 'CANCELLED'));
CREATE DOMAIN fulfilment.shipment_status AS text
    CONSTRAINT shipment_status_check CHECK (VALUE IN ('PACKED', 'SHIPPED', 'DELIVERED', 'CANCELLED'));
CREATE DOMAIN fulfilment.hold_handle AS text
    CONSTRAINT hold_handle_check CHECK (VALUE ~ '^[a-z0-9_.-]{1,64}$');
CREATE DOMAIN fulfilment.hold_reason AS text
    CONSTRAINT hold_reason_check CHECK (VALUE IN (
        'fraud_check', 'address', 'payment', 'awaiting_stock', 'no_warehouse', 'customer', 'operator', 'other'));
CREATE DOMAIN fulfilment.tracking_status AS text
    CONSTRAINT tracking_status_check CHECK (VALUE IN (
        'pre_transit', 'in_transit', 'out_for_delivery', 'available_for_pickup', 'delivered', 'return_to_sender',
        'failure', 'unknown'));
CREATE DOMAIN fulfilment.actor AS text
    CONSTRAINT actor_check CHECK (length(VALUE) BETWEEN 1 AND 300);
CREATE DOMAIN fulfilment.note AS text
    CONSTRAINT note_check CHECK (length(VALUE) BETWEEN 1 AND 500);
CREATE DOMAIN fulfilment.carrier AS text
    CONSTRAINT carrier_check CHECK (length(VALUE) BETWEEN 1 AND 64);
CREATE DOMAIN fulfilment.tracking_number AS text
    CONSTRAINT tracking_number_check CHECK (length(VALUE) BETWEEN 1 AND 100);
CREATE DOMAIN fulfilment.tracking_url AS text
    CONSTRAINT tracking_url_check CHECK (VALUE ~ '^https?://' AND length(VALUE) <= 2000);
CREATE DOMAIN fulfilment.destination AS jsonb;
CREATE DOMAIN fulfilment.ordinal AS integer
    CONSTRAINT ordinal_check CHECK (VALUE > 0);
CREATE DOMAIN fulfilment.parcel_number AS integer
    CONSTRAINT parcel_number_check CHECK (VALUE BETWEEN 1 AND 20);
CREATE DOMAIN fulfilment.quantity AS integer
    CONSTRAINT quantity_check CHECK (VALUE > 0);
CREATE DOMAIN fulfilment.units AS integer
    CONSTRAINT units_check CHECK (VALUE >= 0);

-- The part of an order that one warehouse has to send.
CREATE TABLE fulfilment.fulfilment_orders (
    tenant_id    uuid                                NOT NULL,
    id           uuid                                NOT NULL,
    order_id     uuid                                NOT NULL,
    number       fulfilment.ordinal                  NOT NULL,
    warehouse_id uuid                                NOT NULL,
    status       fulfilment.fulfilment_order_status  NOT NULL,
    version      fulfilment.ordinal                  NOT NULL DEFAULT 1,
    ship_by      timestamptz,
    not_before   timestamptz,
    created_at   timestamptz                         NOT NULL DEFAULT now(),
    updated_at   timestamptz                         NOT NULL DEFAULT now(),
    closed_at    timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, order_id, number),
    CONSTRAINT fulfilment_orders_closed CHECK ((closed_at IS NOT NULL) = (status IN ('CLOSED', 'CANCELLED')))
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX fulfilment_orders_one_open_per_warehouse
    ON fulfilment.fulfilment_orders (tenant_id, order_id, warehouse_id) WHERE closed_at IS NULL;

-- The work list of a warehouse: what is due first comes first. What has no time to be sent by is due since it was
-- opened.
CREATE INDEX fulfilment_orders_due
    ON fulfilment.fulfilment_orders (tenant_id, warehouse_id, (coalesce(ship_by, created_at)), id)
    WHERE closed_at IS NULL;

-- The lines of an order that a fulfilment order has, under their numbers in the order. `frozen` units are about to be
-- cancelled, and must not be sent.
CREATE TABLE fulfilment.lines (
    tenant_id           uuid                NOT NULL,
    fulfilment_order_id uuid                NOT NULL,
    line_number         fulfilment.ordinal  NOT NULL,
    product_id          uuid                NOT NULL,
    quantity            fulfilment.quantity NOT NULL,
    shipped             fulfilment.units    NOT NULL DEFAULT 0,
    frozen              fulfilment.units    NOT NULL DEFAULT 0,
    cancelled           fulfilment.units    NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, fulfilment_order_id, line_number),
    FOREIGN KEY (tenant_id, fulfilment_order_id) REFERENCES fulfilment.fulfilment_orders (tenant_id, id),
    CONSTRAINT lines_add_up CHECK (shipped + frozen + cancelled <= quantity)
) WITH (fillfactor = 80);

-- Why a fulfilment order must not be sent.
CREATE TABLE fulfilment.holds (
    tenant_id           uuid                   NOT NULL,
    fulfilment_order_id uuid                   NOT NULL,
    handle              fulfilment.hold_handle NOT NULL,
    reason              fulfilment.hold_reason NOT NULL,
    note                fulfilment.note,
    actor               fulfilment.actor       NOT NULL,
    held_at             timestamptz            NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, fulfilment_order_id, handle),
    FOREIGN KEY (tenant_id, fulfilment_order_id) REFERENCES fulfilment.fulfilment_orders (tenant_id, id)
);

-- What is handed over to a carrier at one time. The destination is null once personal data is erased.
CREATE TABLE fulfilment.shipments (
    tenant_id           uuid                       NOT NULL,
    id                  uuid                       NOT NULL,
    order_id            uuid                       NOT NULL,
    number              fulfilment.ordinal         NOT NULL,
    fulfilment_order_id uuid                       NOT NULL,
    warehouse_id        uuid                       NOT NULL,
    status              fulfilment.shipment_status NOT NULL,
    version             fulfilment.ordinal         NOT NULL DEFAULT 1,
    destination         fulfilment.destination,
    created_at          timestamptz                NOT NULL DEFAULT now(),
    updated_at          timestamptz                NOT NULL DEFAULT now(),
    shipped_at          timestamptz,
    delivered_at        timestamptz,
    cancelled_at        timestamptz,
    cancel_reason       fulfilment.note,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, order_id, number),
    FOREIGN KEY (tenant_id, fulfilment_order_id) REFERENCES fulfilment.fulfilment_orders (tenant_id, id),
    CONSTRAINT shipments_times CHECK (
        (status NOT IN ('SHIPPED', 'DELIVERED') OR shipped_at IS NOT NULL)
        AND (status = 'DELIVERED') = (delivered_at IS NOT NULL)
        AND (status = 'CANCELLED') = (cancelled_at IS NOT NULL))
) WITH (fillfactor = 80);

CREATE INDEX shipments_of_a_fulfilment_order ON fulfilment.shipments (tenant_id, fulfilment_order_id);

CREATE TABLE fulfilment.shipment_lines (
    tenant_id   uuid                NOT NULL,
    shipment_id uuid                NOT NULL,
    line_number fulfilment.ordinal  NOT NULL,
    product_id  uuid                NOT NULL,
    quantity    fulfilment.quantity NOT NULL,
    PRIMARY KEY (tenant_id, shipment_id, line_number),
    FOREIGN KEY (tenant_id, shipment_id) REFERENCES fulfilment.shipments (tenant_id, id)
);

CREATE TABLE fulfilment.parcels (
    tenant_id       uuid                     NOT NULL,
    shipment_id     uuid                     NOT NULL,
    number          fulfilment.parcel_number NOT NULL,
    carrier         fulfilment.carrier       NOT NULL,
    service         fulfilment.carrier,
    tracking_number fulfilment.tracking_number,
    tracking_url    fulfilment.tracking_url,
    tracking_status fulfilment.tracking_status,
    status_at       timestamptz,
    estimated_at    timestamptz,
    delivered_at    timestamptz,
    PRIMARY KEY (tenant_id, shipment_id, number),
    FOREIGN KEY (tenant_id, shipment_id) REFERENCES fulfilment.shipments (tenant_id, id)
);

CREATE INDEX parcels_by_tracking_number
    ON fulfilment.parcels (tenant_id, tracking_number, carrier) WHERE tracking_number IS NOT NULL;

-- What carriers report. Append-only, except that erasing personal data removes the details.
CREATE TABLE fulfilment.tracking_events (
    tenant_id     uuid                       NOT NULL,
    shipment_id   uuid                       NOT NULL,
    id            uuid                       NOT NULL,
    parcel_number fulfilment.parcel_number   NOT NULL,
    status        fulfilment.tracking_status NOT NULL,
    detail        fulfilment.note,
    happened_at   timestamptz                NOT NULL,
    actor         fulfilment.actor           NOT NULL,
    recorded_at   timestamptz                NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, shipment_id, id),
    CONSTRAINT tracking_events_once UNIQUE (tenant_id, shipment_id, parcel_number, happened_at, status),
    FOREIGN KEY (tenant_id, shipment_id, parcel_number)
        REFERENCES fulfilment.parcels (tenant_id, shipment_id, number)
);
