-- An operator can say that the money of an order is settled elsewhere.
ALTER TABLE orders.dead_letters
    DROP CONSTRAINT dead_letters_resolution_check,
    ADD CONSTRAINT dead_letters_resolution_check CHECK (resolution IN (
        'retried', 'paid', 'failed', 'settled_elsewhere', 'refund_given_up', 'ended'));

-- What the gateway said of the payment when an operator settled its order against it or without it. Never changed.
CREATE TABLE orders.settlements (
    tenant_id      uuid        NOT NULL,
    dead_letter_id uuid        NOT NULL,
    order_id       uuid        NOT NULL,
    -- `nothing_left`, `money_left`, `open` or `unknown`.
    gateway_said   text        NOT NULL CHECK (gateway_said IN ('nothing_left', 'money_left', 'open', 'unknown')),
    -- The same in words.
    detail         text        NOT NULL CHECK (length(detail) BETWEEN 1 AND 500),
    -- What was left with us at the gateway; NULL where it could not say.
    left_minor     bigint      CHECK (left_minor >= 0),
    currency       text        CHECK (currency ~ '^[A-Z]{3}$'),
    settled_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, dead_letter_id),
    FOREIGN KEY (tenant_id, dead_letter_id) REFERENCES orders.dead_letters (tenant_id, id),
    CONSTRAINT settlements_left_as_a_whole CHECK ((left_minor IS NULL) = (currency IS NULL))
);
CREATE INDEX settlements_of_an_order ON orders.settlements (tenant_id, order_id);
