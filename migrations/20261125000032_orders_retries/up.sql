-- The sweeper's tries that did not settle an order, and when each was to be followed by the next: append-only.
CREATE TABLE orders.retries (
    tenant_id uuid        NOT NULL,
    order_id  uuid        NOT NULL,
    id        uuid        NOT NULL,
    -- Counted from 1 each time that the order is put on the worklist.
    number    integer     NOT NULL CHECK (number > 0),
    reason    text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    tried_at  timestamptz NOT NULL,
    next_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, order_id, id),
    FOREIGN KEY (tenant_id, order_id) REFERENCES orders.orders (tenant_id, id)
);
