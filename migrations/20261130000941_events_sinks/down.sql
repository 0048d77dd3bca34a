DROP TABLE events.sinks;
DROP DOMAIN events.sink_name;
