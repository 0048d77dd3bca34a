SET LOCAL lock_timeout = '5s';

-- The customer whose unpaid order it is, and the units that the order holds. NULL for an order that is not waiting for its
-- payment, and for one that an earlier version placed: such an order counts against no bound.
ALTER TABLE orders.reconciliations ADD COLUMN customer_id uuid;
ALTER TABLE orders.reconciliations ADD COLUMN units bigint;
-- online: the worklist has only orders in flight, so the index is built in milliseconds
CREATE INDEX reconciliations_unpaid ON orders.reconciliations (tenant_id, customer_id) INCLUDE (units)
    WHERE customer_id IS NOT NULL;

-- Declined payments of the last day, the longest window: the worker `retention` deletes older ones.
CREATE TABLE orders.declines (
    tenant_id   uuid        NOT NULL,
    declined_at timestamptz NOT NULL,
    attempt_id  uuid        NOT NULL,
    customer_id uuid        NOT NULL,
    -- In whose name the payment was tried, as events have it.
    actor       text        NOT NULL CHECK (length(actor) BETWEEN 1 AND 300),
    PRIMARY KEY (tenant_id, declined_at, attempt_id)
);
CREATE INDEX declines_of_a_customer ON orders.declines (tenant_id, customer_id, declined_at);
CREATE INDEX declines_of_an_actor ON orders.declines (tenant_id, actor, declined_at);
