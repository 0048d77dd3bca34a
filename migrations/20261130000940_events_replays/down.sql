DELETE FROM events.attempts WHERE trigger = 'replay';
ALTER DOMAIN events.attempt_trigger DROP CONSTRAINT attempt_trigger_check;
ALTER DOMAIN events.attempt_trigger
    ADD CONSTRAINT attempt_trigger_check CHECK (VALUE IN ('first', 'retry', 'test'));
DROP TABLE events.replays;
DROP DOMAIN events.replay_state;
