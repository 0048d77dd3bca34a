CREATE INDEX CONCURRENTLY parcels_by_tracking_number
    ON fulfilment.parcels (tenant_id, tracking_number, carrier) WHERE tracking_number IS NOT NULL;
