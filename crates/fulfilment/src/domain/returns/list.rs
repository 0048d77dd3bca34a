//! The filters of lists of returns.

use oms_validation::{Cursor, OrderId, WarehouseId};

use crate::domain::id::ReturnId;
use crate::domain::returns::words::ReturnStatus;

/// Whose returns a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnsOf {
    /// Those of the tenant that are open: the work list of a returns desk.
    Desk,
    /// Those that are open and expected in a warehouse.
    Warehouse(WarehouseId),
    /// All of an order.
    Order(OrderId),
}

/// The returns of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReturnFilter {
    /// Whose.
    pub of: ReturnsOf,
    /// With this status.
    pub status: Option<ReturnStatus>,
}

/// The end of a page of returns.
pub type ReturnCursor = Cursor<ReturnId>;
