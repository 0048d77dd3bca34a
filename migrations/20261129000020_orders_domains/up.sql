SET LOCAL lock_timeout = '5s';

-- The conditions on single columns of orders, lines, events and the work list become domains. PostgreSQL reads and plans the
-- text of every CHECK of a table in each INSERT and UPDATE, and the constraint of a domain once per session.
--
-- A column changes to a domain without a rewrite as long as the domain has no constraint, so the domains get theirs
-- afterwards. NOT VALID: the CHECKs that are dropped here have already refused every row that would not fit.
CREATE DOMAIN orders.order_status AS text;
CREATE DOMAIN orders.actor AS text;
CREATE DOMAIN orders.reason AS text;
CREATE DOMAIN orders.idempotency_key AS text;
CREATE DOMAIN orders.external_reference AS text;
CREATE DOMAIN orders.failure_code AS text;
CREATE DOMAIN orders.currency AS text;
CREATE DOMAIN orders.fingerprint AS bytea;
CREATE DOMAIN orders.metadata AS jsonb;
CREATE DOMAIN orders.ordinal AS integer;
CREATE DOMAIN orders.quantity AS integer;
CREATE DOMAIN orders.positive_minor AS bigint;
CREATE DOMAIN orders.tries AS integer;

ALTER TABLE orders.orders DROP CONSTRAINT orders_idempotency_key_check;
ALTER TABLE orders.orders DROP CONSTRAINT orders_fingerprint_check;
ALTER TABLE orders.orders DROP CONSTRAINT orders_status_check;
ALTER TABLE orders.orders DROP CONSTRAINT orders_failure_code_check;
ALTER TABLE orders.orders DROP CONSTRAINT orders_version_check;
ALTER TABLE orders.orders DROP CONSTRAINT orders_currency_check;
ALTER TABLE orders.orders DROP CONSTRAINT orders_total_minor_check;
ALTER TABLE orders.orders DROP CONSTRAINT orders_external_reference_check;
ALTER TABLE orders.orders DROP CONSTRAINT orders_metadata_check;
-- online: nothing is rewritten; partial indexes and remaining CHECKs on these columns take seconds per million rows
ALTER TABLE orders.orders
    ALTER COLUMN idempotency_key TYPE orders.idempotency_key,
    ALTER COLUMN fingerprint TYPE orders.fingerprint,
    ALTER COLUMN status TYPE orders.order_status,
    ALTER COLUMN failure_code TYPE orders.failure_code,
    ALTER COLUMN version TYPE orders.ordinal,
    ALTER COLUMN currency TYPE orders.currency,
    ALTER COLUMN total_minor TYPE orders.positive_minor,
    ALTER COLUMN external_reference TYPE orders.external_reference,
    ALTER COLUMN metadata TYPE orders.metadata;

ALTER TABLE orders.lines DROP CONSTRAINT lines_number_check;
ALTER TABLE orders.lines DROP CONSTRAINT lines_quantity_check;
ALTER TABLE orders.lines DROP CONSTRAINT lines_unit_price_minor_check;
-- online: nothing is rewritten; partial indexes and remaining CHECKs on these columns take seconds per million rows
ALTER TABLE orders.lines
    ALTER COLUMN number TYPE orders.ordinal,
    ALTER COLUMN quantity TYPE orders.quantity,
    ALTER COLUMN unit_price_minor TYPE orders.positive_minor;

ALTER TABLE orders.events DROP CONSTRAINT events_sequence_check;
ALTER TABLE orders.events DROP CONSTRAINT events_from_status_check;
ALTER TABLE orders.events DROP CONSTRAINT events_to_status_check;
ALTER TABLE orders.events DROP CONSTRAINT events_actor_check;
ALTER TABLE orders.events DROP CONSTRAINT events_reason_check;
-- online: nothing is rewritten; partial indexes and remaining CHECKs on these columns take seconds per million rows
ALTER TABLE orders.events
    ALTER COLUMN sequence TYPE orders.ordinal,
    ALTER COLUMN from_status TYPE orders.order_status,
    ALTER COLUMN to_status TYPE orders.order_status,
    ALTER COLUMN actor TYPE orders.actor,
    ALTER COLUMN reason TYPE orders.reason;

ALTER TABLE orders.reconciliations DROP CONSTRAINT reconciliations_tries_check;
-- online: nothing is rewritten; partial indexes and remaining CHECKs on these columns take seconds per million rows
ALTER TABLE orders.reconciliations
    ALTER COLUMN tries TYPE orders.tries;

ALTER DOMAIN orders.order_status ADD CONSTRAINT order_status_check CHECK (
    VALUE IN (
        'PENDING_PAYMENT', 'PAID', 'FAILED', 'CANCELLING', 'CANCELLED', 'REFUNDING', 'REFUNDED')
) NOT VALID;
ALTER DOMAIN orders.actor ADD CONSTRAINT actor_check CHECK (length(VALUE) BETWEEN 1 AND 300) NOT VALID;
ALTER DOMAIN orders.reason ADD CONSTRAINT reason_check CHECK (length(VALUE) BETWEEN 1 AND 500) NOT VALID;
ALTER DOMAIN orders.idempotency_key ADD CONSTRAINT idempotency_key_check CHECK (length(VALUE) BETWEEN 1 AND 255) NOT VALID;
ALTER DOMAIN orders.external_reference ADD CONSTRAINT external_reference_check CHECK (length(VALUE) BETWEEN 1 AND 255) NOT VALID;
ALTER DOMAIN orders.failure_code ADD CONSTRAINT failure_code_check CHECK (length(VALUE) BETWEEN 1 AND 200) NOT VALID;
ALTER DOMAIN orders.currency ADD CONSTRAINT currency_check CHECK (VALUE ~ '^[A-Z]{3}$') NOT VALID;
ALTER DOMAIN orders.fingerprint ADD CONSTRAINT fingerprint_check CHECK (octet_length(VALUE) = 32) NOT VALID;
ALTER DOMAIN orders.metadata ADD CONSTRAINT metadata_check CHECK (jsonb_typeof(VALUE) = 'object') NOT VALID;
ALTER DOMAIN orders.ordinal ADD CONSTRAINT ordinal_check CHECK (VALUE > 0) NOT VALID;
ALTER DOMAIN orders.quantity ADD CONSTRAINT quantity_check CHECK (VALUE > 0) NOT VALID;
ALTER DOMAIN orders.positive_minor ADD CONSTRAINT positive_minor_check CHECK (VALUE > 0) NOT VALID;
ALTER DOMAIN orders.tries ADD CONSTRAINT tries_check CHECK (VALUE >= 0) NOT VALID;
