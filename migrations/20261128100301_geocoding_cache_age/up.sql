-- Retention: what the service answered long ago is purged.
CREATE INDEX CONCURRENTLY cached_locations_by_age ON geocoding.cached_locations (tenant_id, cached_at);
