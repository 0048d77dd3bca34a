//! Shipments: what is handed over to a carrier at one time.

use chrono::{DateTime, Utc};
use oms_validation::{OrderId, ProductId, WarehouseId};
use serde_json::Value;

use crate::domain::id::{FulfilmentOrderId, ShipmentId};
use crate::domain::limits::{MAX_AHEAD, MAX_BEFORE};
use crate::domain::line::Units;
use crate::domain::parcel::{NewParcel, Parcel};
use crate::domain::refusal::Refusal;
pub use crate::domain::status::ShipmentStatus;

/// A shipment to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewShipment {
    /// Its ID.
    pub(crate) id: ShipmentId,
    /// The fulfilment order whose units it has.
    pub(crate) fulfilment_order_id: FulfilmentOrderId,
    /// The order.
    pub(crate) order_id: OrderId,
    /// Numbered from 1 for each order.
    pub(crate) number: i32,
    /// The warehouse that sends it.
    pub(crate) warehouse_id: WarehouseId,
    /// `PACKED` or `SHIPPED`.
    pub(crate) status: ShipmentStatus,
    /// The address as the order had it.
    pub(crate) destination: Option<Value>,
    /// The units of each line, with the line's product.
    pub(crate) lines: Vec<ShipmentLine>,
    /// Its parcels, numbered from 1 in their order.
    pub(crate) parcels: Vec<NewParcel>,
}

/// A line of a shipment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShipmentLine {
    /// The line's number in the order.
    pub number: i32,
    /// The product.
    pub product_id: ProductId,
    /// Units.
    pub quantity: i32,
}

/// A shipment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipment {
    /// Its ID.
    pub id: ShipmentId,
    /// The order.
    pub order_id: OrderId,
    /// Numbered from 1 for each order.
    pub number: i32,
    /// The fulfilment order whose units it has.
    pub fulfilment_order_id: FulfilmentOrderId,
    /// The warehouse that sends it.
    pub warehouse_id: WarehouseId,
    /// Its status.
    pub status: ShipmentStatus,
    /// Starts at 1 and increments with each change.
    pub version: i32,
    /// The address that it goes to, as the order had it. `None` once personal data is erased.
    pub destination: Option<Value>,
    /// When it was packed, or shipped if it was not packed before.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// When it left.
    pub shipped_at: Option<DateTime<Utc>>,
    /// When it was delivered.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was cancelled.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// Why it was cancelled.
    pub cancel_reason: Option<String>,
    /// Its lines, ordered by number.
    pub lines: Vec<ShipmentLine>,
    /// Its parcels, ordered by number.
    pub parcels: Vec<Parcel>,
}

/// What cancelling a shipment undoes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undo {
    /// Its units are unpacked. No stock moves.
    Packing,
    /// Its units are in stock again.
    Shipping,
}

impl Shipment {
    /// Its units, by line.
    pub fn units(&self) -> Units {
        Units::above_zero(self.lines.iter().map(|line| (line.number, line.quantity)))
    }

    /// Whether it can be shipped. `false` if it was.
    ///
    /// # Errors
    /// `ShipmentCancelled`.
    pub const fn may_ship(&self) -> Result<bool, Refusal> {
        match self.status {
            ShipmentStatus::Packed => Ok(true),
            ShipmentStatus::Shipped | ShipmentStatus::Delivered => Ok(false),
            ShipmentStatus::Cancelled | ShipmentStatus::Other(_) => Err(Refusal::ShipmentCancelled),
        }
    }

    /// Whether it can be delivered. `false` if it was.
    ///
    /// # Errors
    /// `NotShipped`, `ShipmentCancelled`.
    pub const fn may_deliver(&self) -> Result<bool, Refusal> {
        match self.status {
            ShipmentStatus::Shipped => Ok(true),
            ShipmentStatus::Delivered => Ok(false),
            ShipmentStatus::Packed | ShipmentStatus::Other(_) => {
                Err(Refusal::NotShipped(self.status))
            }
            ShipmentStatus::Cancelled => Err(Refusal::ShipmentCancelled),
        }
    }

    /// What cancelling it undoes. `None` if it was cancelled.
    ///
    /// # Errors
    /// `Delivered`: what comes back from the customer is a return.
    pub const fn may_cancel(&self) -> Result<Option<Undo>, Refusal> {
        match self.status {
            ShipmentStatus::Packed => Ok(Some(Undo::Packing)),
            ShipmentStatus::Shipped => Ok(Some(Undo::Shipping)),
            ShipmentStatus::Cancelled => Ok(None),
            ShipmentStatus::Delivered | ShipmentStatus::Other(_) => Err(Refusal::Delivered),
        }
    }

    /// Whether the personal data of its order was erased. Then no text about the customer may be stored any more.
    pub const fn is_erased(&self) -> bool {
        self.destination.is_none()
    }

    /// Checks a time at which something is said to have happened to it.
    ///
    /// # Errors
    /// `ImplausibleTime` if it is more than a day ahead, or more than ten years before the shipment was created.
    pub(crate) fn check_time(
        &self,
        at: DateTime<Utc>,
        present: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        match at > present + MAX_AHEAD || at < self.created_at - MAX_BEFORE {
            true => Err(Refusal::ImplausibleTime),
            false => Ok(()),
        }
    }

    /// Whether the carriers delivered all of its parcels. `false` if it has none.
    pub fn is_all_delivered(&self) -> bool {
        !self.parcels.is_empty() && self.parcels.iter().all(Parcel::is_delivered)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;
    use crate::domain::parcel::tests::parcel;
    use crate::domain::tracking::TrackingStatus;

    pub(crate) fn shipment(status: ShipmentStatus) -> Shipment {
        let at = DateTime::from_timestamp(1_764_417_600, 0).unwrap();
        Shipment {
            id: Uuid::from_u128(1).into(),
            order_id: Uuid::from_u128(2).into(),
            number: 1,
            fulfilment_order_id: Uuid::from_u128(3).into(),
            warehouse_id: Uuid::from_u128(4).into(),
            status,
            version: 1,
            destination: None,
            created_at: at,
            updated_at: at,
            shipped_at: None,
            delivered_at: None,
            cancelled_at: None,
            cancel_reason: None,
            lines: Vec::new(),
            parcels: Vec::new(),
        }
    }

    #[test]
    fn only_the_listed_changes_of_status_are_allowed() {
        use ShipmentStatus::{Cancelled, Delivered, Packed, Shipped};
        let cancelled = Refusal::ShipmentCancelled;
        for (status, ship, deliver, cancel) in [
            (
                Packed,
                Ok(true),
                Err(Refusal::NotShipped(Packed)),
                Ok(Some(Undo::Packing)),
            ),
            (Shipped, Ok(false), Ok(true), Ok(Some(Undo::Shipping))),
            (Delivered, Ok(false), Ok(false), Err(Refusal::Delivered)),
            (
                Cancelled,
                Err(cancelled.clone()),
                Err(cancelled.clone()),
                Ok(None),
            ),
        ] {
            let shipment = shipment(status);
            assert_eq!(shipment.may_ship(), ship, "{status}");
            assert_eq!(shipment.may_deliver(), deliver, "{status}");
            assert_eq!(shipment.may_cancel(), cancel, "{status}");
        }
    }

    #[test]
    fn a_time_is_at_most_a_day_ahead_and_ten_years_before_the_shipment() {
        let shipment = shipment(ShipmentStatus::Shipped);
        let present = shipment.created_at + TimeDelta::hours(5);
        let check = |at| shipment.check_time(at, present);
        let (first, last) = (shipment.created_at - MAX_BEFORE, present + MAX_AHEAD);
        assert_eq!((check(first), check(last)), (Ok(()), Ok(())));
        let second = TimeDelta::seconds(1);
        for wrong in [first - second, last + second, DateTime::<Utc>::MIN_UTC] {
            assert_eq!(check(wrong), Err(Refusal::ImplausibleTime), "{wrong}");
        }
    }

    #[test]
    fn all_parcels_must_be_delivered() {
        let mut shipment = shipment(ShipmentStatus::Shipped);
        assert!(!shipment.is_all_delivered());
        let with = |status| Parcel {
            tracking_status: Some(status),
            ..parcel()
        };
        shipment.parcels = vec![
            with(TrackingStatus::Delivered),
            with(TrackingStatus::InTransit),
        ];
        assert!(!shipment.is_all_delivered());
        shipment.parcels[1].tracking_status = Some(TrackingStatus::Delivered);
        assert!(shipment.is_all_delivered());
    }
}
