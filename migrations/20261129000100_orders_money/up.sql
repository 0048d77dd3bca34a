SET LOCAL lock_timeout = '5s';

-- Fails if there are amounts in these currencies, which were counted as the gateway counts them: 5 ISK were 500, and
-- 5 MGA were 5. docs/operating/upgrading.md says how to convert them.
SELECT (
    coalesce(current_setting('oms.amounts_converted', true), '') = 'on'
    OR NOT EXISTS (SELECT FROM inventory.prices WHERE currency IN ('ISK', 'UGX', 'MGA'))
        AND NOT EXISTS (SELECT FROM orders.orders WHERE currency IN ('ISK', 'UGX', 'MGA'))
)::installation.expected;

-- An amount of money may be 0: a discount may leave nothing to pay. Renaming the domain changes no column, so that
-- sessions of the version before keep their plans.
ALTER DOMAIN orders.positive_minor RENAME TO minor;
ALTER DOMAIN orders.minor DROP CONSTRAINT positive_minor_check;

CREATE DOMAIN orders.settings_document AS jsonb;
CREATE DOMAIN orders.adjustment_kind AS text;
CREATE DOMAIN orders.adjustment_scope AS text;
CREATE DOMAIN orders.label AS text;
CREATE DOMAIN orders.code AS text;
CREATE DOMAIN orders.rate_ppm AS integer;
CREATE DOMAIN orders.credit_source AS text;
CREATE DOMAIN orders.credit_part AS text;

ALTER DOMAIN orders.settings_document ADD CONSTRAINT settings_document_check
    CHECK (jsonb_typeof(VALUE) = 'object') NOT VALID;
ALTER DOMAIN orders.adjustment_kind ADD CONSTRAINT adjustment_kind_check
    CHECK (VALUE IN ('discount', 'tax', 'shipping', 'fee', 'duty')) NOT VALID;
ALTER DOMAIN orders.adjustment_scope ADD CONSTRAINT adjustment_scope_check
    CHECK (VALUE IN ('line', 'order', 'shipping')) NOT VALID;
ALTER DOMAIN orders.label ADD CONSTRAINT label_check CHECK (length(VALUE) BETWEEN 1 AND 200) NOT VALID;
ALTER DOMAIN orders.code ADD CONSTRAINT code_check CHECK (length(VALUE) BETWEEN 1 AND 100) NOT VALID;
ALTER DOMAIN orders.rate_ppm ADD CONSTRAINT rate_ppm_check CHECK (VALUE BETWEEN 0 AND 1000000) NOT VALID;
ALTER DOMAIN orders.credit_source ADD CONSTRAINT credit_source_check
    CHECK (VALUE IN ('return', 'claim', 'goodwill')) NOT VALID;
ALTER DOMAIN orders.credit_part ADD CONSTRAINT credit_part_check
    CHECK (VALUE IN ('line', 'shipping', 'fee', 'restocking_fee', 'other')) NOT VALID;

-- The settings of a tenant. Each change is a new version; the highest is in force. A tenant without any has the
-- defaults of the installation.
CREATE TABLE orders.settings (
    tenant_id  uuid                     NOT NULL,
    version    orders.ordinal           NOT NULL,
    document   orders.settings_document NOT NULL,
    actor      orders.actor             NOT NULL,
    created_at timestamptz              NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, version)
);

-- Discounts, taxes, shipping and fees, as the storefront sent them. Never changed.
CREATE TABLE orders.adjustments (
    tenant_id    uuid                    NOT NULL,
    order_id     uuid                    NOT NULL,
    number       orders.ordinal          NOT NULL,
    kind         orders.adjustment_kind  NOT NULL,
    scope        orders.adjustment_scope NOT NULL,
    line_number  orders.ordinal,
    -- Negative for a discount.
    amount_minor bigint                  NOT NULL,
    -- A tax that the prices contain already. It changes no total.
    included     boolean                 NOT NULL,
    label        orders.label            NOT NULL,
    code         orders.code,
    rate_ppm     orders.rate_ppm,
    PRIMARY KEY (tenant_id, order_id, number),
    FOREIGN KEY (tenant_id, order_id) REFERENCES orders.orders (tenant_id, id),
    CONSTRAINT adjustments_sign CHECK (CASE kind WHEN 'discount' THEN amount_minor < 0 ELSE amount_minor >= 0 END),
    CONSTRAINT adjustments_included_is_tax CHECK (NOT included OR kind = 'tax'),
    CONSTRAINT adjustments_scope CHECK (
        (scope = 'line') = (line_number IS NOT NULL) AND (kind <> 'shipping' OR scope = 'shipping'))
);

-- What the customer need not pay or gets back. A credit of a refund counts unless that refund failed. A refund without
-- credits is itself a credit, of no part in particular.
CREATE TABLE orders.credits (
    tenant_id    uuid                 NOT NULL,
    order_id     uuid                 NOT NULL,
    id           uuid                 NOT NULL,
    source       orders.credit_source NOT NULL,
    source_id    uuid,
    part         orders.credit_part   NOT NULL,
    line_number  orders.ordinal,
    -- Units of the line; NULL if the credit is for no unit in particular.
    quantity     orders.quantity,
    -- Negative for a restocking fee.
    amount_minor bigint               NOT NULL,
    refund_id    uuid,
    actor        orders.actor         NOT NULL,
    created_at   timestamptz          NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, order_id, id),
    FOREIGN KEY (tenant_id, order_id) REFERENCES orders.orders (tenant_id, id),
    CONSTRAINT credits_line CHECK ((part = 'line') = (line_number IS NOT NULL)),
    CONSTRAINT credits_quantity CHECK (quantity IS NULL OR part = 'line'),
    CONSTRAINT credits_sign CHECK (
        CASE part WHEN 'restocking_fee' THEN amount_minor < 0 ELSE amount_minor > 0 END)
);

-- The line's share of the order's total: its price, its own adjustments, and its part of those of the whole order. NULL
-- in lines of earlier versions, whose share is the price of their units. Nothing is rewritten, because the domain has no
-- constraint at this point. Last, because requests lock an order before its lines.
ALTER TABLE orders.lines ADD COLUMN payable_minor orders.minor;
ALTER DOMAIN orders.minor ADD CONSTRAINT minor_check CHECK (VALUE >= 0) NOT VALID;
