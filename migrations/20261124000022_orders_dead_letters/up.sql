-- Orders that the sweeper has given up on, until a person decides or they end by other means. An order with an open one
-- is not on the worklist.
CREATE TABLE orders.dead_letters (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    order_id    uuid        NOT NULL,
    reason      text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    tries       integer     NOT NULL CHECK (tries >= 0),
    created_at  timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    -- `ended`: the order ended by other means.
    resolution  text        CHECK (resolution IN ('retried', 'paid', 'failed', 'ended')),
    resolved_by text        CHECK (length(resolved_by) BETWEEN 1 AND 200),
    -- The operator's reason.
    note        text        CHECK (length(note) BETWEEN 1 AND 500),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, order_id) REFERENCES orders.orders (tenant_id, id),
    CONSTRAINT dead_letters_resolved_as_a_whole CHECK (
        (resolved_at IS NULL) = (resolution IS NULL)
        AND (resolved_at IS NULL) = (resolved_by IS NULL)
        AND (note IS NULL OR resolved_at IS NOT NULL))
);
CREATE INDEX dead_letters_of_an_order ON orders.dead_letters (tenant_id, order_id);
CREATE UNIQUE INDEX dead_letters_one_open_per_order ON orders.dead_letters (tenant_id, order_id)
    WHERE resolved_at IS NULL;
-- Operators read them newest first, page by page.
CREATE INDEX dead_letters_newest ON orders.dead_letters (tenant_id, created_at, id);
CREATE INDEX dead_letters_open_newest ON orders.dead_letters (tenant_id, created_at, id)
    WHERE resolved_at IS NULL;

-- What a person has to be told, once for each subject, written in the commit of what it tells of. A claim moves due_at
-- into the future, which is its lease.
CREATE TABLE orders.alerts (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    kind         text        NOT NULL CHECK (kind IN ('dead_letter', 'finding')),
    -- The dead letter or the finding.
    subject_id   uuid        NOT NULL,
    -- NULL when it is about no order of ours.
    order_id     uuid,
    message      text        NOT NULL CHECK (length(message) BETWEEN 1 AND 500),
    created_at   timestamptz NOT NULL DEFAULT now(),
    due_at       timestamptz NOT NULL DEFAULT now(),
    delivered_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT alerts_one_per_subject UNIQUE (tenant_id, kind, subject_id)
);
CREATE INDEX alerts_undelivered ON orders.alerts (tenant_id, due_at) WHERE delivered_at IS NULL;
