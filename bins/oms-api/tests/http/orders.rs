//! Requests about orders: placing, reading, cancelling, refunding and erasing them.

mod addresses;
mod adjusting;
mod bounds;
mod cancelling;
mod concurrency;
mod contention;
mod erasing;
mod idempotency;
mod listed_prices;
mod listing_orders;
mod locked_orders;
mod placing;
mod previewing;
mod references;
mod refunding;
mod rerouting;
mod returning;
mod shipping;
mod spelling;
mod timeline;
