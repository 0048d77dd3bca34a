SET LOCAL lock_timeout = '5s';

CREATE DOMAIN events.sink_name AS text
    CONSTRAINT sink_name_check CHECK (VALUE IN ('nats', 'kafka'));

-- Brokers to which the feeds of tenants are published. Also their work list.
CREATE TABLE events.sinks (
    tenant_id      uuid             NOT NULL,
    sink           events.sink_name NOT NULL,
    -- Every event up to here was acknowledged.
    position       events.position  NOT NULL,
    -- When a worker looks at it next. Null if there is nothing to publish.
    due_at         timestamptz,
    claim          bigint           NOT NULL DEFAULT 0,
    -- The claim that was released: until the next one, new events make the row due.
    released_claim bigint,
    -- How often publishing failed in a row.
    tries          events.tally     NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, sink)
) WITH (fillfactor = 50);
CREATE INDEX sinks_due ON events.sinks (tenant_id, due_at) WHERE due_at IS NOT NULL;
