SET LOCAL lock_timeout = '5s';

CREATE DOMAIN events.replay_state AS text
    CONSTRAINT replay_state_check CHECK (VALUE IN ('running', 'finished', 'cancelled'));

-- Spans of the feed that an endpoint is sent again.
CREATE TABLE events.replays (
    tenant_id     uuid                NOT NULL,
    endpoint_id   uuid                NOT NULL,
    id            uuid                NOT NULL,
    types         events.type_filter  NOT NULL,
    -- The span: the events after from_position, up to to_position, and their number.
    from_position events.position     NOT NULL,
    to_position   events.position     NOT NULL,
    events        events.tally        NOT NULL,
    -- Events up to here were sent, or are not wanted.
    position      events.position     NOT NULL,
    delivered     events.tally        NOT NULL DEFAULT 0,
    rejected      events.tally        NOT NULL DEFAULT 0,
    state         events.replay_state NOT NULL DEFAULT 'running',
    requested_by  text                NOT NULL,
    created_at    timestamptz         NOT NULL,
    ended_at      timestamptz,
    PRIMARY KEY (tenant_id, endpoint_id, id),
    FOREIGN KEY (tenant_id, endpoint_id) REFERENCES events.endpoints (tenant_id, id)
);
CREATE UNIQUE INDEX replays_running ON events.replays (tenant_id, endpoint_id) WHERE state = 'running';
CREATE INDEX replays_ended ON events.replays (tenant_id, ended_at) WHERE ended_at IS NOT NULL;

ALTER DOMAIN events.attempt_trigger DROP CONSTRAINT attempt_trigger_check;
ALTER DOMAIN events.attempt_trigger
    ADD CONSTRAINT attempt_trigger_check CHECK (VALUE IN ('first', 'retry', 'test', 'replay')) NOT VALID;
