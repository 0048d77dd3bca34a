-- `parcels_tracked` has replaced it: no list is by carrier.
DROP INDEX CONCURRENTLY fulfilment.parcels_by_tracking_number;
