-- Where the gateway's books and ours differ. What was found once is not found again: runs may repeat and meet.
CREATE TABLE orders.findings (
    tenant_id         uuid        NOT NULL,
    id                uuid        NOT NULL,
    kind              text        NOT NULL CHECK (kind IN (
        'charge_without_order', 'paid_without_charge', 'amount_mismatch', 'charge_on_ended_order',
        'authorisation_on_ended_order')),
    gateway           text        NOT NULL CHECK (length(gateway) BETWEEN 1 AND 50),
    -- What there is one finding of each kind for: the payment that differs from what its order says, or else the charge.
    subject           text        NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    charge_reference  text        CHECK (length(charge_reference) BETWEEN 1 AND 255),
    payment_reference text        CHECK (length(payment_reference) BETWEEN 1 AND 255),
    -- NULL when it is about no order of ours.
    order_id          uuid,
    expected_minor    bigint      CHECK (expected_minor >= 0),
    expected_currency text        CHECK (expected_currency ~ '^[A-Z]{3}$'),
    found_minor       bigint      CHECK (found_minor >= 0),
    found_currency    text        CHECK (found_currency ~ '^[A-Z]{3}$'),
    detail            text        NOT NULL CHECK (length(detail) BETWEEN 1 AND 500),
    -- What the program does about it by itself.
    action            text        NOT NULL CHECK (action IN ('none', 'refund', 'void')),
    tries             integer     NOT NULL DEFAULT 0 CHECK (tries >= 0),
    -- When the action is tried next; a claim moves it into the future, which is its lease. NULL: not, or not any more.
    due_at            timestamptz,
    found_at          timestamptz NOT NULL DEFAULT now(),
    last_seen_at      timestamptz NOT NULL DEFAULT now(),
    resolved_at       timestamptz,
    resolved_by       text        CHECK (length(resolved_by) BETWEEN 1 AND 200),
    -- How it was resolved, or why the action did not work.
    note              text        CHECK (length(note) BETWEEN 1 AND 500),
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT findings_one_per_subject UNIQUE (tenant_id, gateway, kind, subject),
    FOREIGN KEY (tenant_id, order_id) REFERENCES orders.orders (tenant_id, id),
    CONSTRAINT findings_subject_is_named CHECK (coalesce(subject IN (charge_reference, payment_reference), false)),
    CONSTRAINT findings_amounts_have_currencies CHECK (
        (expected_minor IS NULL) = (expected_currency IS NULL) AND (found_minor IS NULL) = (found_currency IS NULL)),
    CONSTRAINT findings_action_needs_a_charge CHECK (action = 'none' OR charge_reference IS NOT NULL),
    CONSTRAINT findings_due_for_an_action CHECK (due_at IS NULL OR (action <> 'none' AND resolved_at IS NULL)),
    CONSTRAINT findings_resolved_as_a_whole CHECK ((resolved_at IS NULL) = (resolved_by IS NULL))
);
CREATE INDEX findings_of_an_order ON orders.findings (tenant_id, order_id);
-- Operators read them newest first, page by page.
CREATE INDEX findings_newest ON orders.findings (tenant_id, found_at, id);
CREATE INDEX findings_open_newest ON orders.findings (tenant_id, found_at, id) WHERE resolved_at IS NULL;
CREATE INDEX findings_due ON orders.findings (tenant_id, due_at) WHERE due_at IS NOT NULL;

-- Up to when the charges of a gateway were compared with a store's orders. A claim moves due_at into the future, which is
-- its lease, and has its number.
CREATE TABLE orders.reconciliation_progress (
    tenant_id        uuid        NOT NULL,
    gateway          text        NOT NULL CHECK (length(gateway) BETWEEN 1 AND 50),
    reconciled_until timestamptz NOT NULL,
    due_at           timestamptz NOT NULL,
    claims           bigint      NOT NULL CHECK (claims > 0),
    PRIMARY KEY (tenant_id, gateway)
);
