SET LOCAL lock_timeout = '5s';

CREATE DOMAIN inventory.price_list_code AS text
    CONSTRAINT price_list_code_check CHECK (VALUE ~ '^[A-Za-z0-9._-]{1,64}$');
CREATE DOMAIN inventory.currency AS text
    CONSTRAINT currency_check CHECK (VALUE ~ '^[A-Z]{3}$');
CREATE DOMAIN inventory.version AS integer
    CONSTRAINT version_check CHECK (VALUE > 0);
CREATE DOMAIN inventory.unit_price_minor AS bigint
    CONSTRAINT unit_price_minor_check CHECK (VALUE BETWEEN 1 AND 999999999999);

-- Prices that orders may name instead of the base prices, in one currency. The code never changes, because orders store
-- it.
CREATE TABLE inventory.price_lists (
    tenant_id   uuid                      NOT NULL,
    id          uuid                      NOT NULL,
    code        inventory.price_list_code NOT NULL,
    currency    inventory.currency        NOT NULL,
    valid_from  timestamptz,
    valid_until timestamptz,
    active      boolean                   NOT NULL DEFAULT true,
    version     inventory.version         NOT NULL DEFAULT 1,
    created_at  timestamptz               NOT NULL DEFAULT now(),
    updated_at  timestamptz               NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT price_lists_code UNIQUE (tenant_id, code),
    CONSTRAINT price_lists_validity CHECK (valid_from < valid_until)
);

-- The unit price of a product from a quantity on. It changes only under the lock of its list.
CREATE TABLE inventory.list_prices (
    tenant_id        uuid                       NOT NULL,
    price_list_id    uuid                       NOT NULL,
    product_id       uuid                       NOT NULL,
    min_quantity     inventory.quantity         NOT NULL,
    unit_price_minor inventory.unit_price_minor NOT NULL,
    PRIMARY KEY (tenant_id, price_list_id, product_id, min_quantity),
    FOREIGN KEY (tenant_id, price_list_id) REFERENCES inventory.price_lists (tenant_id, id),
    FOREIGN KEY (tenant_id, product_id) REFERENCES inventory.products (tenant_id, id)
);
CREATE INDEX list_prices_by_product ON inventory.list_prices (tenant_id, product_id);

-- Files of prices are imported too.
ALTER TABLE inventory.imports DROP CONSTRAINT imports_kind_check;
ALTER TABLE inventory.imports
    ADD CONSTRAINT imports_kind CHECK (kind IN ('products', 'stock', 'prices')) NOT VALID;
