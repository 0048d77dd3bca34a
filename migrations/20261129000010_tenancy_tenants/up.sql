SET LOCAL lock_timeout = '5s';

CREATE SCHEMA tenancy;

-- The registry of tenants: a tenant has its row before it has any other row. Statements of all contexts may read it.
CREATE TABLE tenancy.tenants (
    tenant_id  uuid        PRIMARY KEY,
    state      text        NOT NULL DEFAULT 'ACTIVE' CHECK (state IN ('ACTIVE')),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Whoever has rows now. Each of the tables is read by its primary key alone; all others have rows only of tenants with orders.
INSERT INTO tenancy.tenants (tenant_id)
SELECT tenant_id FROM access.api_keys
UNION SELECT tenant_id FROM inventory.warehouses
UNION SELECT tenant_id FROM inventory.products
UNION SELECT tenant_id FROM inventory.imports
UNION SELECT tenant_id FROM inventory.idempotency_keys
UNION SELECT tenant_id FROM geocoding.cached_locations
UNION SELECT tenant_id FROM payments.gateway_events
UNION SELECT tenant_id FROM orders.idempotency_keys
UNION SELECT tenant_id FROM orders.erasures
UNION SELECT tenant_id FROM orders.orders;
