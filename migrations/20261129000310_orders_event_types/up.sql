SET LOCAL lock_timeout = '5s';

-- What the request of a key created. First, because requests claim their key before they write an event.
ALTER TABLE orders.idempotency_keys ADD COLUMN result_id uuid;

-- What an event is about, for programs, and its facts. A change of status has the default.
CREATE DOMAIN orders.event_type AS text;
CREATE DOMAIN orders.event_data AS jsonb;
ALTER TABLE orders.events ADD COLUMN type orders.event_type NOT NULL DEFAULT 'order.changed';
ALTER TABLE orders.events ADD COLUMN data orders.event_data;
ALTER DOMAIN orders.event_type ADD CONSTRAINT event_type_check CHECK (VALUE ~ '^[a-z_]+\.[a-z_]+$') NOT VALID;
ALTER DOMAIN orders.event_data ADD CONSTRAINT event_data_check CHECK (jsonb_typeof(VALUE) = 'object') NOT VALID;
