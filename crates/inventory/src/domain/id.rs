//! Identifiers of inventory.

use oms_validation::{OrderId, define_id};

define_id! {
    /// The holder of reservations. An order holds stock under its own ID.
    HolderId
}

impl From<OrderId> for HolderId {
    fn from(order: OrderId) -> Self {
        order.as_uuid().into()
    }
}

define_id! {
    /// A change of stock: one receipt, adjustment, transfer, shipment or return with all its lines.
    StockChangeId
}

define_id! {
    /// An import from a file.
    ImportId
}

define_id! {
    /// A price list.
    PriceListId
}

define_id! {
    /// A movement of stock: one entry of the audit trail.
    MovementId
}
