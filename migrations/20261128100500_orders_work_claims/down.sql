ALTER TABLE orders.alerts DROP COLUMN tries, DROP COLUMN claim;
ALTER TABLE orders.findings DROP COLUMN claim;
ALTER TABLE orders.reconciliations DROP COLUMN claim;
