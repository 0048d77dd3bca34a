-- Orders can be cancelled and refunded.
ALTER TABLE orders.orders
    DROP CONSTRAINT orders_status_check,
    ADD CONSTRAINT orders_status_check CHECK (status IN (
        'PENDING_PAYMENT', 'PAID', 'FAILED', 'CANCELLING', 'CANCELLED', 'REFUNDING', 'REFUNDED'));
-- An event from a status to the same one is a note.
ALTER TABLE orders.events
    DROP CONSTRAINT events_from_status_check,
    ADD CONSTRAINT events_from_status_check CHECK (from_status IN (
        'PENDING_PAYMENT', 'PAID', 'FAILED', 'CANCELLING', 'CANCELLED', 'REFUNDING', 'REFUNDED')),
    DROP CONSTRAINT events_to_status_check,
    ADD CONSTRAINT events_to_status_check CHECK (to_status IN (
        'PENDING_PAYMENT', 'PAID', 'FAILED', 'CANCELLING', 'CANCELLED', 'REFUNDING', 'REFUNDED'));
