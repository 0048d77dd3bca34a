ALTER TABLE orders.findings DROP COLUMN installation_id;
