//! What carriers report about parcels.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::id::ShipmentId;
use crate::domain::text::Note;
use crate::domain::words;

words! {
    TrackingStatus, "Where a parcel is, as its carrier reports it.", {
        /// The carrier knows of it, but does not have it.
        PreTransit = "pre_transit",
        /// It is on its way.
        InTransit = "in_transit",
        /// It arrives today.
        OutForDelivery = "out_for_delivery",
        /// The customer can pick it up.
        AvailableForPickup = "available_for_pickup",
        /// The customer has it.
        Delivered = "delivered",
        /// It is on its way back.
        ReturnToSender = "return_to_sender",
        /// It was lost or destroyed.
        Failure = "failure",
        /// The carrier does not know.
        Unknown = "unknown",
    }
}

/// A stored report of a carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackingEvent {
    /// Its ID.
    pub id: Uuid,
    /// The shipment.
    pub shipment_id: ShipmentId,
    /// The shipment's number in the order.
    pub shipment_number: i32,
    /// The parcel's number in the shipment.
    pub parcel: i32,
    /// Where the parcel was.
    pub status: TrackingStatus,
    /// In the carrier's words.
    pub detail: Option<String>,
    /// When it happened, as the carrier says.
    pub happened_at: DateTime<Utc>,
    /// Who reported it.
    pub actor: String,
    /// When it was reported.
    pub recorded_at: DateTime<Utc>,
}

/// A report of a carrier about a parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackingReport {
    /// The parcel's number in its shipment.
    pub parcel: i32,
    /// Where it is.
    pub status: TrackingStatus,
    /// In the carrier's words.
    pub detail: Option<Note>,
    /// When it happened.
    pub happened_at: DateTime<Utc>,
    /// When the carrier expects to deliver it.
    pub estimated_at: Option<DateTime<Utc>>,
}
