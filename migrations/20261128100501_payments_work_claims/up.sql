-- The number of the latest claim on a gateway event. It only ever grows, unlike `tries`, which is reduced when a claim was
-- no try.
ALTER TABLE payments.gateway_events ADD COLUMN claim bigint NOT NULL DEFAULT 0;
