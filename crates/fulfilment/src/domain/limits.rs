//! How many holds and shipments there may be.

/// Maximum number of holds on one fulfilment order.
pub(crate) const MAX_HOLDS: usize = 10;

/// Maximum number of shipments of an order, cancelled ones included.
pub(crate) const MAX_SHIPMENTS: usize = 50;
