DROP TABLE geocoding.cached_locations;
DROP SCHEMA geocoding;
