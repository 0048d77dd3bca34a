-- What an order is called in the storefront, and what the storefront keeps with it. Both are given when the order is placed,
-- and never change.
ALTER TABLE orders.orders
    ADD COLUMN external_reference text  CHECK (length(external_reference) BETWEEN 1 AND 255),
    ADD COLUMN metadata           jsonb CHECK (jsonb_typeof(metadata) = 'object');
-- Not unique: an order that failed and the one placed in its stead may be called the same.
CREATE INDEX orders_by_external_reference ON orders.orders (tenant_id, external_reference, id)
    WHERE external_reference IS NOT NULL;
