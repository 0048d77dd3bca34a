SET LOCAL lock_timeout = '5s';

CREATE DOMAIN access.view_name AS text
    CONSTRAINT view_name_check CHECK (length(VALUE) BETWEEN 1 AND 40);
CREATE DOMAIN access.view_query AS text
    CONSTRAINT view_query_check CHECK (length(VALUE) BETWEEN 1 AND 1000);
-- Its number of values is the number of views that a tenant may have.
CREATE DOMAIN access.view_slot AS smallint
    CONSTRAINT view_slot_check CHECK (VALUE BETWEEN 1 AND 30);

-- Filters of the console's list of orders, under the names by which the operators of a tenant share them.
CREATE TABLE access.console_views (
    tenant_id  uuid              NOT NULL,
    id         uuid              NOT NULL,
    slot       access.view_slot  NOT NULL,
    name       access.view_name  NOT NULL,
    -- As in the address of the list: status=PAID&sort=oldest
    query      access.view_query NOT NULL,
    version    integer           NOT NULL DEFAULT 1,
    saved_by   access.actor_name NOT NULL,
    created_at timestamptz       NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX console_views_slot ON access.console_views (tenant_id, slot);
CREATE UNIQUE INDEX console_views_name ON access.console_views (tenant_id, name);
