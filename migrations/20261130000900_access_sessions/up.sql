SET LOCAL lock_timeout = '5s';

CREATE DOMAIN access.secret_hash AS bytea
    CONSTRAINT secret_hash_check CHECK (octet_length(VALUE) = 32);
CREATE DOMAIN access.actor_name AS text
    CONSTRAINT actor_name_check CHECK (length(VALUE) BETWEEN 1 AND 261);
CREATE DOMAIN access.scope_names AS text[]
    CONSTRAINT scope_names_check CHECK (cardinality(VALUE) <= 64);

-- Who is signed in to the console. The text in the cookie is stored nowhere; it names the tenant, so that even the look-up
-- by its hash starts with one.
CREATE TABLE access.sessions (
    tenant_id  uuid               NOT NULL,
    id_hash    access.secret_hash NOT NULL,
    -- By which people tell two of them apart.
    id         uuid               NOT NULL,
    name       access.actor_name  NOT NULL,
    scopes     access.scope_names NOT NULL,
    -- The key that it began with, whose end is its end. NULL for an identity provider's token and for a link.
    api_key_id uuid,
    created_at timestamptz        NOT NULL DEFAULT now(),
    -- As of the last minute or so. In no index, so that noting it stays heap-only.
    seen_at    timestamptz        NOT NULL DEFAULT now(),
    expires_at timestamptz        NOT NULL,
    ended_at   timestamptz,
    PRIMARY KEY (tenant_id, id_hash)
);
CREATE INDEX sessions_by_name ON access.sessions (tenant_id, name);
CREATE INDEX sessions_by_expiry ON access.sessions (tenant_id, expires_at);

-- Links that sign in to the console, once.
CREATE TABLE access.sign_in_links (
    tenant_id  uuid               NOT NULL,
    token_hash access.secret_hash NOT NULL,
    name       access.actor_name  NOT NULL,
    scopes     access.scope_names NOT NULL,
    created_at timestamptz        NOT NULL DEFAULT now(),
    expires_at timestamptz        NOT NULL,
    used_at    timestamptz,
    PRIMARY KEY (tenant_id, token_hash)
);
CREATE INDEX sign_in_links_by_expiry ON access.sign_in_links (tenant_id, expires_at);
