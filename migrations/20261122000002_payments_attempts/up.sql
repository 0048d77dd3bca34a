CREATE SCHEMA payments;

-- One row for each time that an order's payment is tried. The gateway's reference is stored before money can move.
CREATE TABLE payments.attempts (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    order_id      uuid        NOT NULL,
    number        integer     NOT NULL CHECK (number > 0),
    state         text        NOT NULL
        CHECK (state IN ('created', 'prepared', 'paid', 'declined', 'voided')),
    amount_minor  bigint      NOT NULL CHECK (amount_minor > 0),
    currency      text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    gateway       text        NOT NULL CHECK (length(gateway) BETWEEN 1 AND 50),
    reference     text        CHECK (length(reference) BETWEEN 1 AND 255),
    decline_code  text        CHECK (length(decline_code) BETWEEN 1 AND 100),
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, order_id, number),
    CONSTRAINT attempts_no_money_without_reference CHECK (
        reference IS NOT NULL OR state IN ('created', 'voided')
    ),
    CONSTRAINT attempts_decline_code_of_declines CHECK (decline_code IS NULL OR state = 'declined')
) WITH (fillfactor = 80);
-- One reference is one attempt; the gateway's own messages are matched through it.
CREATE UNIQUE INDEX attempts_by_reference ON payments.attempts (tenant_id, gateway, reference)
    WHERE reference IS NOT NULL;
-- At most one attempt of an order may still take money.
CREATE UNIQUE INDEX attempts_one_open_per_order ON payments.attempts (tenant_id, order_id)
    WHERE state IN ('created', 'prepared');
