DROP INDEX geocoding.cached_locations_by_age;
