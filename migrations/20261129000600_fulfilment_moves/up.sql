SET LOCAL lock_timeout = '5s';

CREATE DOMAIN fulfilment.move_cause AS text
    CONSTRAINT move_cause_check CHECK (VALUE IN ('operator', 'rejected', 'evacuation', 'shipment_cancelled'));
CREATE DOMAIN fulfilment.moved_lines AS jsonb
    CONSTRAINT moved_lines_check CHECK (jsonb_typeof(VALUE) = 'object');
CREATE DOMAIN fulfilment.routing_trace AS jsonb
    CONSTRAINT routing_trace_check CHECK (jsonb_typeof(VALUE) = 'object');

-- Units that went from one fulfilment order of an order to another, or with their fulfilment order to another
-- warehouse. `lines` has the units by line number. Append-only, except that erasing personal data removes the trace,
-- which contains the destination.
CREATE TABLE fulfilment.moves (
    tenant_id               uuid                   NOT NULL,
    order_id                uuid                   NOT NULL,
    id                      uuid                   NOT NULL,
    fulfilment_order_id     uuid                   NOT NULL,
    to_fulfilment_order_id  uuid                   NOT NULL,
    from_warehouse_id       uuid                   NOT NULL,
    to_warehouse_id         uuid                   NOT NULL,
    lines                   fulfilment.moved_lines NOT NULL,
    trace                   fulfilment.routing_trace,
    cause                   fulfilment.move_cause  NOT NULL,
    reason                  fulfilment.note        NOT NULL,
    actor                   fulfilment.actor       NOT NULL,
    moved_at                timestamptz            NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, order_id, id),
    CONSTRAINT moves_go_elsewhere CHECK ((from_warehouse_id = to_warehouse_id) = (cause = 'shipment_cancelled'))
);

-- Warehouses that rejected an order. Routing doesn't choose them for it again.
CREATE TABLE fulfilment.exclusions (
    tenant_id    uuid            NOT NULL,
    order_id     uuid            NOT NULL,
    warehouse_id uuid            NOT NULL,
    reason       fulfilment.note NOT NULL,
    excluded_at  timestamptz     NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, order_id, warehouse_id)
);
