CREATE SCHEMA access;

-- Keys of the API. The key itself is kept nowhere: its text names the tenant, so that even the look-up by its hash starts
-- with one.
CREATE TABLE access.api_keys (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    -- Who acts: it stands on the timeline of what is done. While a key is replaced two live ones have the same name.
    name         text        NOT NULL CHECK (name ~ '^[A-Za-z0-9._@|:-]{1,64}$'),
    slot         smallint    NOT NULL CHECK (slot IN (1, 2)),
    key_hash     bytea       NOT NULL CHECK (octet_length(key_hash) = 32),
    -- The last characters of the key, by which people tell two of them apart.
    ending       text        NOT NULL CHECK (length(ending) = 4),
    scopes       text[]      NOT NULL CHECK (cardinality(scopes) BETWEEN 1 AND 32 AND array_position(scopes, NULL) IS NULL),
    created_at   timestamptz NOT NULL DEFAULT now(),
    -- NULL: never.
    expires_at   timestamptz,
    revoked_at   timestamptz,
    -- As of the last minute or so. In no index, so that noting it stays heap-only.
    last_used_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT api_keys_one_per_hash UNIQUE (tenant_id, key_hash)
);
-- At most two keys of a name are live at a time.
CREATE UNIQUE INDEX api_keys_two_per_name ON access.api_keys (tenant_id, name, slot) WHERE revoked_at IS NULL;
