//! Why a change of a fulfilment order or a shipment is refused.

use oms_validation::WarehouseId;

use crate::domain::hold::HoldHandle;
use crate::domain::limits::{MAX_HOLDS, MAX_MOVES, MAX_SHIPMENTS};
use crate::domain::status::{FulfilmentOrderStatus, ShipmentStatus};

/// Why a change is refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The fulfilment order is on hold.
    #[error("the fulfilment order is on hold: {}", handles(.0))]
    OnHold(Vec<HoldHandle>),
    /// The fulfilment order must not be sent yet.
    #[error("the fulfilment order must not be sent yet")]
    Scheduled,
    /// Nothing of the fulfilment order is left to send.
    #[error("the fulfilment order is {0}")]
    Closed(FulfilmentOrderStatus),
    /// The fulfilment order belongs to another warehouse than the request expects.
    #[error("the fulfilment order belongs to warehouse {0}")]
    OtherWarehouse(WarehouseId),
    /// Units of the fulfilment order are packed or shipped.
    #[error("units of the fulfilment order are packed or shipped")]
    HasShipments,
    /// The fulfilment order has as many holds as it may have.
    #[error("a fulfilment order has at most {MAX_HOLDS} holds")]
    TooManyHolds,
    /// Only oms places holds with this handle.
    #[error("the handle {0} is reserved")]
    ReservedHandle(HoldHandle),
    /// The order has as many shipments as it may have.
    #[error("an order has at most {MAX_SHIPMENTS} shipments")]
    TooManyShipments,
    /// The fulfilment order has no line of this number.
    #[error("the fulfilment order has no line {line}")]
    UnknownLine {
        /// The number.
        line: i32,
    },
    /// Fewer units of a line may be sent now.
    #[error("line {line} has {ready} units that may be sent now")]
    MoreThanOutstanding {
        /// The line's number.
        line: i32,
        /// Units that the request wants to send.
        wanted: i32,
        /// Units that may be sent now.
        ready: i32,
    },
    /// All units are packed already, or about to be cancelled.
    #[error("no unit may be sent now")]
    NothingReady,
    /// The units are in parcels.
    #[error("units of the fulfilment order are packed")]
    Packed,
    /// The units of the order were moved as often as they may be.
    #[error("the units of an order are moved at most {MAX_MOVES} times")]
    TooManyMoves,
    /// The shipment has not left the warehouse.
    #[error("the shipment is {0}")]
    NotShipped(ShipmentStatus),
    /// The shipment was delivered.
    #[error("the shipment was delivered")]
    Delivered,
    /// The shipment was cancelled.
    #[error("the shipment was cancelled")]
    ShipmentCancelled,
    /// The shipment has parcels, which are changed one by one.
    #[error("the shipment has parcels already")]
    HasParcels,
    /// The personal data of the order was erased, so that no more is stored.
    #[error("the personal data of the order was erased")]
    Erased,
    /// A reported time is too far ahead, or too long before the shipment.
    #[error("the time is too far from that of the shipment or from the present")]
    ImplausibleTime,
    /// The shipment has no parcel of this number.
    #[error("the shipment has no parcel {parcel}")]
    UnknownParcel {
        /// The number.
        parcel: i32,
    },
}

fn handles(handles: &[HoldHandle]) -> String {
    let handles: Vec<&str> = handles.iter().map(HoldHandle::as_str).collect();
    handles.join(", ")
}
