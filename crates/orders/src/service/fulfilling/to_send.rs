//! What a request about a shipment does.

use chrono::{DateTime, Utc};
use oms_fulfilment::{FulfilmentOrderId, NewParcel, ShipmentDraft, ShipmentId, ShipmentStatus};
use oms_validation::{ExpectedVersion, Fingerprint, IdempotencyKey, Keyed};

/// What a request packs, sends or delivers.
#[derive(Debug)]
pub(crate) enum Sending {
    /// A new shipment.
    Create {
        /// The shipment, without its destination.
        draft: ShipmentDraft,
        /// The request's key, and its fingerprint.
        key: (IdempotencyKey, Fingerprint),
    },
    /// A packed shipment that leaves.
    Send {
        /// The shipment.
        shipment_id: ShipmentId,
        /// The version that it must have.
        expected: ExpectedVersion,
        /// Its parcels, if it has none yet.
        parcels: Vec<NewParcel>,
        /// The request's key, and its fingerprint.
        key: Option<(IdempotencyKey, Fingerprint)>,
    },
    /// A shipment that the customer has.
    Deliver {
        /// The shipment.
        shipment_id: ShipmentId,
        /// The version that it must have.
        expected: ExpectedVersion,
        /// When. `None` for now.
        delivered_at: Option<DateTime<Utc>>,
        /// The request's key, and its fingerprint.
        key: Option<(IdempotencyKey, Fingerprint)>,
    },
}

/// A request, and who makes it.
#[derive(Debug)]
pub(crate) struct ToSend {
    pub(crate) sending: Sending,
    pub(crate) actor: String,
}

impl ToSend {
    /// The request's key, and its fingerprint.
    pub(crate) fn key(&self) -> Option<&(IdempotencyKey, Fingerprint)> {
        match &self.sending {
            Sending::Create { key, .. } => Some(key),
            Sending::Send { key, .. } | Sending::Deliver { key, .. } => key.as_ref(),
        }
    }

    /// The request's key with its fingerprint.
    pub(crate) fn keyed(&self) -> Option<Keyed<'_>> {
        let (key, fingerprint) = self.key()?;
        let fingerprint = *fingerprint;
        Some(Keyed { key, fingerprint })
    }

    /// The shipment that the request creates, sends or delivers.
    pub(crate) fn result(&self) -> ShipmentId {
        match &self.sending {
            Sending::Create { draft, .. } => draft.id,
            Sending::Send { shipment_id, .. } | Sending::Deliver { shipment_id, .. } => {
                *shipment_id
            }
        }
    }

    /// The existing shipment that the request is about.
    pub(crate) fn shipment(&self) -> Option<ShipmentId> {
        match self.created() {
            Some(_) => None,
            None => Some(self.result()),
        }
    }

    /// The fulfilment order of which the request creates a shipment.
    pub(crate) fn created(&self) -> Option<FulfilmentOrderId> {
        match &self.sending {
            Sending::Create { draft, .. } => Some(draft.fulfilment_order_id),
            Sending::Send { .. } | Sending::Deliver { .. } => None,
        }
    }

    /// The status that the request gives the shipment.
    pub(crate) fn becomes(&self) -> ShipmentStatus {
        match &self.sending {
            Sending::Create { draft, .. } => draft.status,
            Sending::Send { .. } => ShipmentStatus::Shipped,
            Sending::Deliver { .. } => ShipmentStatus::Delivered,
        }
    }
}
