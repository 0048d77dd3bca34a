SET LOCAL lock_timeout = '5s';

CREATE SCHEMA events;

CREATE DOMAIN events.keys AS uuid[]
    CONSTRAINT keys_check CHECK (cardinality(VALUE) > 0);
CREATE DOMAIN events.numbers AS integer[]
    CONSTRAINT numbers_check CHECK (cardinality(VALUE) > 0);
CREATE DOMAIN events.event_type AS text
    CONSTRAINT event_type_check CHECK (VALUE ~ '^[a-z_]+\.[a-z_]+$');
CREATE DOMAIN events.event_data AS jsonb
    CONSTRAINT event_data_check CHECK (jsonb_typeof(VALUE) = 'object');
CREATE DOMAIN events.position AS bigint
    CONSTRAINT position_check CHECK (VALUE >= 0);

-- What transactions have written and the relay has not seen yet: one row per transaction, with the keys of its events. A
-- key is an order and the number of its event, or a record and 0. Both arrays have the same length.
CREATE TABLE events.outbox (
    tenant_id   uuid           NOT NULL,
    id          uuid           NOT NULL,
    subject_ids events.keys    NOT NULL,
    numbers     events.numbers NOT NULL,
    created_at  timestamptz    NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Events that no timeline of an order has, with their data.
CREATE TABLE events.records (
    tenant_id    uuid              NOT NULL,
    id           uuid              NOT NULL,
    type         events.event_type NOT NULL,
    subject_type text              NOT NULL,
    subject_id   uuid              NOT NULL,
    data         events.event_data NOT NULL,
    occurred_at  timestamptz       NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);

-- The end of each tenant's feed. Who gives positions holds its row until the commit.
CREATE TABLE events.heads (
    tenant_id uuid            PRIMARY KEY,
    -- The last position that was given.
    position  events.position NOT NULL DEFAULT 0,
    -- Events up to here were deleted.
    purged_to events.position NOT NULL DEFAULT 0,
    -- The server and its timeline when positions were last given. Null if the server does not tell.
    history   text
) WITH (fillfactor = 50);

-- The feed: the keys of consecutive events, of which the last has the position last_position.
CREATE TABLE events.segments (
    tenant_id     uuid            NOT NULL,
    last_position events.position NOT NULL,
    subject_ids   events.keys     NOT NULL,
    numbers       events.numbers  NOT NULL,
    written_at    timestamptz     NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, last_position),
    CONSTRAINT segments_paired CHECK (cardinality(subject_ids) = cardinality(numbers))
);
