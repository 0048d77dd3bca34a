SET LOCAL lock_timeout = '5s';

CREATE DOMAIN fulfilment.evacuation_outcome AS text
    CONSTRAINT evacuation_outcome_check CHECK (VALUE IN ('moved', 'held'));

-- Warehouses whose open work moves to others. A worker takes the open fulfilment orders of the warehouse as its work
-- list orders them; `after_due_at` and `after_id` are the last one of the current pass. Without `due_at` it is stopped,
-- unless it is finished.
CREATE TABLE fulfilment.evacuations (
    tenant_id     uuid             NOT NULL,
    id            uuid             NOT NULL,
    warehouse_id  uuid             NOT NULL,
    reason        fulfilment.note  NOT NULL,
    actor         fulfilment.actor NOT NULL,
    moved         fulfilment.units NOT NULL DEFAULT 0,
    held          fulfilment.units NOT NULL DEFAULT 0,
    after_due_at  timestamptz,
    after_id      uuid,
    passed_over   boolean          NOT NULL DEFAULT false,
    due_at        timestamptz,
    claim         bigint           NOT NULL DEFAULT 0,
    tries         integer          NOT NULL DEFAULT 0,
    created_at    timestamptz      NOT NULL DEFAULT now(),
    progressed_at timestamptz      NOT NULL DEFAULT now(),
    finished_at   timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT evacuations_finished CHECK (due_at IS NULL OR finished_at IS NULL),
    CONSTRAINT evacuations_position CHECK ((after_due_at IS NULL) = (after_id IS NULL))
);

CREATE UNIQUE INDEX evacuations_one_open ON fulfilment.evacuations (tenant_id, warehouse_id) WHERE finished_at IS NULL;
CREATE INDEX evacuations_due ON fulfilment.evacuations (tenant_id, due_at) WHERE due_at IS NOT NULL;

-- What an evacuation did with each fulfilment order: it moved everything, or the fulfilment order is on hold with what
-- could not be moved.
CREATE TABLE fulfilment.evacuated_orders (
    tenant_id           uuid                          NOT NULL,
    evacuation_id       uuid                          NOT NULL,
    fulfilment_order_id uuid                          NOT NULL,
    order_id            uuid                          NOT NULL,
    outcome             fulfilment.evacuation_outcome NOT NULL,
    reason              fulfilment.note,
    move_id             uuid,
    recorded_at         timestamptz                   NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, evacuation_id, fulfilment_order_id),
    FOREIGN KEY (tenant_id, evacuation_id) REFERENCES fulfilment.evacuations (tenant_id, id),
    CONSTRAINT evacuated_orders_explained CHECK ((outcome = 'held') = (reason IS NOT NULL))
);
