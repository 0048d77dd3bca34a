DROP INDEX CONCURRENTLY fulfilment.parcels_tracked;
