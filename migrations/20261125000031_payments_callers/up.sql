-- Who made a call: `api`, `sweeper`, `operator:ann`, …; of calls that were made before this was kept it is not known.
ALTER TABLE payments.gateway_calls ADD COLUMN actor text CHECK (length(actor) BETWEEN 1 AND 200);
