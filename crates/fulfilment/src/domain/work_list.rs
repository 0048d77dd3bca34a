//! The filters of lists.

use chrono::{DateTime, Utc};
use oms_validation::{Cursor, OrderId, WarehouseId};

use crate::domain::fulfilment_order::{FulfilmentOrder, ShownStatus};
use crate::domain::id::{FulfilmentOrderId, ShipmentId};
use crate::domain::shipment::ShipmentStatus;
use crate::domain::text::TrackingNumber;

/// Whose fulfilment orders a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedBy {
    /// Those of a warehouse that have something left to send: its work list.
    Warehouse(WarehouseId),
    /// All of an order, of one warehouse if one is given.
    Order(OrderId, Option<WarehouseId>),
}

/// The fulfilment orders of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkListFilter {
    /// Whose.
    pub by: ListedBy,
    /// With this status.
    pub status: Option<ShownStatus>,
    /// Due before this time.
    pub ship_by_before: Option<DateTime<Utc>>,
}

/// The end of a page: when its last fulfilment order is due, and its ID.
pub type WorkListCursor = Cursor<(DateTime<Utc>, FulfilmentOrderId)>;

/// The end of a page of fulfilment orders on hold.
pub type HeldCursor = Cursor<FulfilmentOrderId>;

/// The cursor behind a fulfilment order.
pub(crate) fn cursor_of(order: &FulfilmentOrder) -> WorkListCursor {
    Cursor((order.due_at(), order.id))
}

/// Whose shipments a list has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShipmentsOf {
    /// Those of an order.
    Order(OrderId),
    /// Those with a parcel that has this tracking number.
    Tracking(TrackingNumber),
}

/// The shipments of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShipmentFilter {
    /// Whose.
    pub of: ShipmentsOf,
    /// With this status.
    pub status: Option<ShipmentStatus>,
}

/// The end of a page of shipments.
pub type ShipmentCursor = Cursor<ShipmentId>;
