-- The keys of what is done to orders that exist; those that placed an order are the order's, those of refunds the refund's.
-- Claimed in the transaction of the change that it stands for. The fingerprint names the operation and what it was done to.
CREATE TABLE orders.idempotency_keys (
    tenant_id       uuid        NOT NULL,
    idempotency_key text        NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    fingerprint     bytea       NOT NULL CHECK (length(fingerprint) = 32),
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, idempotency_key)
);
