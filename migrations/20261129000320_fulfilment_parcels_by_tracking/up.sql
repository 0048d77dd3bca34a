-- Lists of shipments by tracking number, newest first, page by page. Carriers use numbers again, and some shops have
-- one text for all parcels.
CREATE INDEX CONCURRENTLY parcels_tracked ON fulfilment.parcels (tenant_id, tracking_number, shipment_id)
    WHERE tracking_number IS NOT NULL;
