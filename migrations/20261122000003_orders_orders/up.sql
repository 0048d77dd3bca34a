CREATE SCHEMA orders;

CREATE TABLE orders.orders (
    tenant_id        uuid        NOT NULL,
    id               uuid        NOT NULL,
    -- NULL once the key was given back, because the gateway could not be reached and nothing was kept.
    idempotency_key  text        CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    -- SHA-256 of the request that the key stands for.
    fingerprint      bytea       NOT NULL CHECK (octet_length(fingerprint) = 32),
    customer_id      uuid        NOT NULL,
    status           text        NOT NULL CHECK (status IN ('PENDING_PAYMENT', 'PAID', 'FAILED')),
    failure_code     text        CHECK (length(failure_code) BETWEEN 1 AND 200),
    -- Sequence number of the newest event.
    version          integer     NOT NULL CHECK (version > 0),
    warehouse_id     uuid        NOT NULL,
    currency         text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    total_minor      bigint      NOT NULL CHECK (total_minor > 0),
    shipping_address jsonb       NOT NULL,
    routing          jsonb       NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT orders_one_per_idempotency_key UNIQUE (tenant_id, idempotency_key),
    CONSTRAINT orders_failure_code_of_failed CHECK ((failure_code IS NOT NULL) = (status = 'FAILED'))
) WITH (fillfactor = 70);

CREATE TABLE orders.lines (
    tenant_id        uuid    NOT NULL,
    order_id         uuid    NOT NULL,
    number           integer NOT NULL CHECK (number > 0),
    product_id       uuid    NOT NULL,
    quantity         integer NOT NULL CHECK (quantity > 0),
    unit_price_minor bigint  NOT NULL CHECK (unit_price_minor > 0),
    PRIMARY KEY (tenant_id, order_id, number),
    UNIQUE (tenant_id, order_id, product_id),
    FOREIGN KEY (tenant_id, order_id) REFERENCES orders.orders (tenant_id, id)
);

-- The timeline of an order, and the outbox. Append-only, one row for each state change, in the same commit.
CREATE TABLE orders.events (
    tenant_id   uuid        NOT NULL,
    order_id    uuid        NOT NULL,
    sequence    integer     NOT NULL CHECK (sequence > 0),
    from_status text        CHECK (from_status IN ('PENDING_PAYMENT', 'PAID', 'FAILED')),
    to_status   text        NOT NULL CHECK (to_status IN ('PENDING_PAYMENT', 'PAID', 'FAILED')),
    actor       text        NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
    reason      text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    occurred_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, order_id, sequence),
    FOREIGN KEY (tenant_id, order_id) REFERENCES orders.orders (tenant_id, id),
    CONSTRAINT events_first_has_no_from CHECK ((from_status IS NULL) = (sequence = 1))
);

-- One row for each order whose payment is open: when the sweeper shall look next, and how often it has. A claim
-- moves due_at into the future, which is its lease.
CREATE TABLE orders.reconciliations (
    tenant_id  uuid        NOT NULL,
    order_id   uuid        NOT NULL,
    due_at     timestamptz NOT NULL,
    tries      integer     NOT NULL DEFAULT 0 CHECK (tries >= 0),
    PRIMARY KEY (tenant_id, order_id),
    FOREIGN KEY (tenant_id, order_id) REFERENCES orders.orders (tenant_id, id)
);
CREATE INDEX reconciliations_due ON orders.reconciliations (tenant_id, due_at);
