//! How many holds, shipments, moves and returns there may be, and which times are plausible.

use chrono::TimeDelta;

/// Maximum number of holds on one fulfilment order that clients place.
pub(crate) const MAX_HOLDS: usize = 10;

/// Maximum number of shipments of an order, cancelled ones included.
pub(crate) const MAX_SHIPMENTS: usize = 50;

/// Maximum number of returns of an order, declined and cancelled ones included.
pub(crate) const MAX_RETURNS: usize = 50;

/// Maximum number of receipts of a return.
pub(crate) const MAX_RECEIPTS: usize = 100;

/// Maximum number of moves of an order's units.
pub(crate) const MAX_MOVES: usize = 100;

/// How far ahead a reported time may be: the clocks and time zones of carriers differ. A later one would outlast all
/// later reports.
pub(crate) const MAX_AHEAD: TimeDelta = TimeDelta::days(1);

/// How long before its shipment was created something may have happened to a parcel: labels are bought in advance. An
/// earlier time is that of a clock which was never set.
pub(crate) const MAX_BEFORE: TimeDelta = TimeDelta::days(3653);
