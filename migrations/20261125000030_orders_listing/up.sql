-- Lists of orders are read in the order of their ids, which begin with the time: the primary key has the list of all.
-- No index of orders.orders may hold the status, not even in its predicate: an order would no longer get paid by a
-- heap-only update. Neither the customer nor the warehouse of an order ever changes.
CREATE INDEX orders_of_a_customer ON orders.orders (tenant_id, customer_id, id);
CREATE INDEX orders_of_a_warehouse ON orders.orders (tenant_id, warehouse_id, id);
-- The orders in each final state: the event that made it so is the last change. An order that gets paid has none here, and
-- events are never updated.
CREATE INDEX events_of_ends ON orders.events (tenant_id, to_status, order_id)
    WHERE to_status IN ('FAILED', 'CANCELLED', 'REFUNDED') AND from_status <> to_status;
