//! How many holds, shipments and moves there may be.

/// Maximum number of holds on one fulfilment order.
pub(crate) const MAX_HOLDS: usize = 10;

/// Maximum number of shipments of an order, cancelled ones included.
pub(crate) const MAX_SHIPMENTS: usize = 50;

/// Maximum number of moves of an order's units.
pub(crate) const MAX_MOVES: usize = 100;
