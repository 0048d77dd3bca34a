-- Refused by the database as long as an order has one of the newer statuses.
ALTER TABLE orders.events
    DROP CONSTRAINT events_from_status_check,
    ADD CONSTRAINT events_from_status_check CHECK (from_status IN ('PENDING_PAYMENT', 'PAID', 'FAILED')),
    DROP CONSTRAINT events_to_status_check,
    ADD CONSTRAINT events_to_status_check CHECK (to_status IN ('PENDING_PAYMENT', 'PAID', 'FAILED'));
ALTER TABLE orders.orders
    DROP CONSTRAINT orders_status_check,
    ADD CONSTRAINT orders_status_check CHECK (status IN ('PENDING_PAYMENT', 'PAID', 'FAILED'));
