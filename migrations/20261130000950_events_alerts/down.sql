DELETE FROM events.sinks WHERE sink IN ('alert_log', 'alert_webhook');
ALTER TABLE events.sinks DROP COLUMN only_records;
ALTER DOMAIN events.sink_name DROP CONSTRAINT sink_name_check;
ALTER DOMAIN events.sink_name ADD CONSTRAINT sink_name_check CHECK (VALUE IN ('nats', 'kafka')) NOT VALID;
