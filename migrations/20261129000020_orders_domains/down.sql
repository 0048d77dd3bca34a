ALTER TABLE orders.orders
    ALTER COLUMN idempotency_key TYPE text,
    ALTER COLUMN fingerprint TYPE bytea,
    ALTER COLUMN status TYPE text,
    ALTER COLUMN failure_code TYPE text,
    ALTER COLUMN version TYPE integer,
    ALTER COLUMN currency TYPE text,
    ALTER COLUMN total_minor TYPE bigint,
    ALTER COLUMN external_reference TYPE text,
    ALTER COLUMN metadata TYPE jsonb,
    ADD CONSTRAINT orders_idempotency_key_check CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    ADD CONSTRAINT orders_fingerprint_check CHECK (octet_length(fingerprint) = 32),
    ADD CONSTRAINT orders_status_check CHECK (status IN (
        'PENDING_PAYMENT', 'PAID', 'FAILED', 'CANCELLING', 'CANCELLED', 'REFUNDING', 'REFUNDED')),
    ADD CONSTRAINT orders_failure_code_check CHECK (length(failure_code) BETWEEN 1 AND 200),
    ADD CONSTRAINT orders_version_check CHECK (version > 0),
    ADD CONSTRAINT orders_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    ADD CONSTRAINT orders_total_minor_check CHECK (total_minor > 0),
    ADD CONSTRAINT orders_external_reference_check CHECK (length(external_reference) BETWEEN 1 AND 255),
    ADD CONSTRAINT orders_metadata_check CHECK (jsonb_typeof(metadata) = 'object');
ALTER TABLE orders.lines
    ALTER COLUMN number TYPE integer,
    ALTER COLUMN quantity TYPE integer,
    ALTER COLUMN unit_price_minor TYPE bigint,
    ADD CONSTRAINT lines_number_check CHECK (number > 0),
    ADD CONSTRAINT lines_quantity_check CHECK (quantity > 0),
    ADD CONSTRAINT lines_unit_price_minor_check CHECK (unit_price_minor > 0);
ALTER TABLE orders.events
    ALTER COLUMN sequence TYPE integer,
    ALTER COLUMN from_status TYPE text,
    ALTER COLUMN to_status TYPE text,
    ALTER COLUMN actor TYPE text,
    ALTER COLUMN reason TYPE text,
    ADD CONSTRAINT events_sequence_check CHECK (sequence > 0),
    ADD CONSTRAINT events_from_status_check CHECK (from_status IN (
        'PENDING_PAYMENT', 'PAID', 'FAILED', 'CANCELLING', 'CANCELLED', 'REFUNDING', 'REFUNDED')),
    ADD CONSTRAINT events_to_status_check CHECK (to_status IN (
        'PENDING_PAYMENT', 'PAID', 'FAILED', 'CANCELLING', 'CANCELLED', 'REFUNDING', 'REFUNDED')),
    ADD CONSTRAINT events_actor_check CHECK (length(actor) BETWEEN 1 AND 300),
    ADD CONSTRAINT events_reason_check CHECK (length(reason) BETWEEN 1 AND 500);
ALTER TABLE orders.reconciliations
    ALTER COLUMN tries TYPE integer,
    ADD CONSTRAINT reconciliations_tries_check CHECK (tries >= 0);
DROP DOMAIN orders.order_status;
DROP DOMAIN orders.actor;
DROP DOMAIN orders.reason;
DROP DOMAIN orders.idempotency_key;
DROP DOMAIN orders.external_reference;
DROP DOMAIN orders.failure_code;
DROP DOMAIN orders.currency;
DROP DOMAIN orders.fingerprint;
DROP DOMAIN orders.metadata;
DROP DOMAIN orders.ordinal;
DROP DOMAIN orders.quantity;
DROP DOMAIN orders.positive_minor;
DROP DOMAIN orders.tries;
