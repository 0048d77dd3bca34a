-- The installation that the charge of a finding names.
ALTER TABLE orders.findings ADD COLUMN installation_id uuid;
