SET LOCAL lock_timeout = '5s';

CREATE DOMAIN events.endpoint_url AS text
    CONSTRAINT endpoint_url_check CHECK (length(VALUE) BETWEEN 1 AND 2000);
CREATE DOMAIN events.description AS text
    CONSTRAINT description_check CHECK (length(VALUE) BETWEEN 1 AND 200);
CREATE DOMAIN events.type_filter AS text[]
    CONSTRAINT type_filter_check CHECK (cardinality(VALUE) <= 100);
CREATE DOMAIN events.endpoint_ordering AS text
    CONSTRAINT endpoint_ordering_check CHECK (VALUE IN ('subject', 'none'));
CREATE DOMAIN events.endpoint_signing AS text
    CONSTRAINT endpoint_signing_check CHECK (VALUE IN ('hmac', 'ed25519'));
CREATE DOMAIN events.endpoint_status AS text
    CONSTRAINT endpoint_status_check CHECK (VALUE IN ('enabled', 'paused', 'disabled'));
CREATE DOMAIN events.in_flight AS integer
    CONSTRAINT in_flight_check CHECK (VALUE BETWEEN 1 AND 64);
CREATE DOMAIN events.tally AS integer
    CONSTRAINT tally_check CHECK (VALUE >= 0);
CREATE DOMAIN events.version AS integer
    CONSTRAINT version_check CHECK (VALUE > 0);
CREATE DOMAIN events.delivery_state AS text
    CONSTRAINT delivery_state_check CHECK (VALUE IN ('retrying', 'behind', 'exhausted'));
CREATE DOMAIN events.attempt_trigger AS text
    CONSTRAINT attempt_trigger_check CHECK (VALUE IN ('first', 'retry', 'test'));
CREATE DOMAIN events.answer_start AS text
    CONSTRAINT answer_start_check CHECK (octet_length(VALUE) <= 1024);
CREATE DOMAIN events.idempotency_key AS text
    CONSTRAINT idempotency_key_check CHECK (length(VALUE) BETWEEN 1 AND 255);
CREATE DOMAIN events.fingerprint AS bytea
    CONSTRAINT fingerprint_check CHECK (octet_length(VALUE) = 32);

-- Where events are sent. The position moves only past events that were delivered, are not wanted, or are in
-- events.deliveries.
CREATE TABLE events.endpoints (
    tenant_id      uuid                     NOT NULL,
    id             uuid                     NOT NULL,
    url            events.endpoint_url      NOT NULL,
    description    events.description,
    types          events.type_filter       NOT NULL,
    ordering       events.endpoint_ordering NOT NULL,
    signing        events.endpoint_signing  NOT NULL,
    max_in_flight  events.in_flight         NOT NULL,
    status         events.endpoint_status   NOT NULL DEFAULT 'enabled',
    status_reason  text,
    position       events.position          NOT NULL,
    -- Since when nothing reaches it, how often a try failed since, and whether that was reported.
    failing_since  timestamptz,
    failures       events.tally             NOT NULL DEFAULT 0,
    reported_at    timestamptz,
    -- How many events were answered with server errors, without a success between them.
    errors_in_a_row events.tally            NOT NULL DEFAULT 0,
    -- When a worker looks at it next. Null if it has nothing to send.
    due_at         timestamptz,
    claim          bigint                   NOT NULL DEFAULT 0,
    -- The claim that was released: until the next one, new events make the endpoint due.
    released_claim bigint,
    tries          events.tally             NOT NULL DEFAULT 0,
    version        events.version           NOT NULL DEFAULT 1,
    created_at     timestamptz              NOT NULL DEFAULT now(),
    updated_at     timestamptz              NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
) WITH (fillfactor = 50);
CREATE INDEX endpoints_due ON events.endpoints (tenant_id, due_at) WHERE due_at IS NOT NULL;

-- The secrets of endpoints, sealed. During a rotation an endpoint has two.
CREATE TABLE events.secrets (
    tenant_id   uuid           NOT NULL,
    endpoint_id uuid           NOT NULL,
    number      events.version NOT NULL,
    sealed      bytea          NOT NULL,
    key_id      text           NOT NULL,
    created_at  timestamptz    NOT NULL DEFAULT now(),
    expires_at  timestamptz,
    PRIMARY KEY (tenant_id, endpoint_id, number),
    FOREIGN KEY (tenant_id, endpoint_id) REFERENCES events.endpoints (tenant_id, id)
);

-- Events behind an endpoint's position that it has not received.
CREATE TABLE events.deliveries (
    tenant_id    uuid                  NOT NULL,
    endpoint_id  uuid                  NOT NULL,
    position     events.position       NOT NULL,
    -- The key of the event, and what it is about.
    key_id       uuid                  NOT NULL,
    number       integer               NOT NULL,
    subject_id   uuid                  NOT NULL,
    state        events.delivery_state NOT NULL,
    tries        events.tally          NOT NULL,
    due_at       timestamptz           NOT NULL,
    last_outcome text,
    last_status  integer,
    updated_at   timestamptz           NOT NULL DEFAULT now(),
    given_up_at  timestamptz,
    PRIMARY KEY (tenant_id, endpoint_id, position),
    FOREIGN KEY (tenant_id, endpoint_id) REFERENCES events.endpoints (tenant_id, id)
);
CREATE INDEX deliveries_given_up ON events.deliveries (tenant_id, given_up_at) WHERE given_up_at IS NOT NULL;

-- The log of tries.
CREATE TABLE events.attempts (
    tenant_id    uuid                   NOT NULL,
    endpoint_id  uuid                   NOT NULL,
    id           uuid                   NOT NULL,
    event_id     text                   NOT NULL,
    event_type   text                   NOT NULL,
    trigger      events.attempt_trigger NOT NULL,
    started_at   timestamptz            NOT NULL,
    duration_ms  events.tally           NOT NULL,
    outcome      text                   NOT NULL,
    http_status  integer,
    answer_start events.answer_start    NOT NULL,
    PRIMARY KEY (tenant_id, endpoint_id, id)
);
CREATE INDEX attempts_by_age ON events.attempts (tenant_id, started_at);
CREATE INDEX attempts_by_event ON events.attempts (tenant_id, endpoint_id, event_id);

CREATE TABLE events.idempotency_keys (
    tenant_id       uuid                   NOT NULL,
    idempotency_key events.idempotency_key NOT NULL,
    fingerprint     events.fingerprint     NOT NULL,
    result_id       uuid                   NOT NULL,
    created_at      timestamptz            NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, idempotency_key)
);
CREATE INDEX idempotency_keys_by_age ON events.idempotency_keys (tenant_id, created_at);
