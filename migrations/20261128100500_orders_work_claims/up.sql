-- The number of the latest claim on an entry of leased work. It only ever grows, so that whatever ends a claim can tell it
-- from every later one; `tries`, which did this before, is reduced when a claim was no try.
ALTER TABLE orders.reconciliations ADD COLUMN claim bigint NOT NULL DEFAULT 0;
-- An order leaves the list and may come back. It comes back with a larger number: the microseconds since 1970.
ALTER TABLE orders.reconciliations ALTER COLUMN claim SET DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
ALTER TABLE orders.findings ADD COLUMN claim bigint NOT NULL DEFAULT 0;
ALTER TABLE orders.alerts
    ADD COLUMN claim bigint NOT NULL DEFAULT 0,
    ADD COLUMN tries integer NOT NULL DEFAULT 0;
