CREATE SCHEMA geocoding;

-- Answers of the geocoding service. Addresses are kept only as a hash.
CREATE TABLE geocoding.cached_locations (
    tenant_id    uuid                   NOT NULL,
    address_hash bytea                  NOT NULL CHECK (octet_length(address_hash) = 32),
    location     geography(Point, 4326) NOT NULL,
    cached_at    timestamptz            NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, address_hash)
);
