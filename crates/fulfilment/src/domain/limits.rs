//! How many holds, shipments and returns there may be.

/// Maximum number of holds on one fulfilment order.
pub(crate) const MAX_HOLDS: usize = 10;

/// Maximum number of shipments of an order, cancelled ones included.
pub(crate) const MAX_SHIPMENTS: usize = 50;

/// Maximum number of returns of an order, declined and cancelled ones included.
pub(crate) const MAX_RETURNS: usize = 50;

/// Maximum number of receipts of a return.
pub(crate) const MAX_RECEIPTS: usize = 100;
