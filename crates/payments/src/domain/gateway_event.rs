//! Gateway events: reports that something happened to a payment.

use std::fmt;

use chrono::{DateTime, Utc};
use oms_validation::{OrderId, TenantId};
use oms_work::Lease;

use crate::{InvalidReference, Reference};

/// A gateway's name for an event, such as `evt_1MqqbKLt4dXK03v5qaIbiNCC`; formed like a [`Reference`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GatewayEventId(Reference);

impl GatewayEventId {
    /// Reads an ID.
    ///
    /// # Errors
    /// As [`Reference::parse`].
    pub fn parse(text: &str) -> Result<Self, InvalidReference> {
        Reference::parse(text).map(Self)
    }

    /// The ID as the gateway wrote it.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for GatewayEventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a gateway event must be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventRelevance {
    /// It names a payment whose state may have changed.
    Relevant,
    /// It is only stored.
    Ignored,
}

/// A gateway event as it arrived, verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGatewayEvent {
    /// [`PaymentGateway::name`](crate::PaymentGateway::name).
    pub gateway: String,
    /// The event's ID, the same each time that it is sent.
    pub id: GatewayEventId,
    /// What happened, in the gateway's words.
    pub kind: String,
    /// Whether it must be applied; `Relevant` only with a reference.
    pub relevance: EventRelevance,
    /// The payment that it is about.
    pub reference: Option<Reference>,
    /// The order in the payment's metadata.
    pub order_id: Option<OrderId>,
    /// The tenant in the payment's metadata.
    pub tenant_id: Option<TenantId>,
    /// When it happened, by the gateway's clock.
    pub created_at: DateTime<Utc>,
}

/// A gateway event that a worker has claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayEvent {
    /// [`PaymentGateway::name`](crate::PaymentGateway::name).
    pub gateway: String,
    /// The event's ID.
    pub id: GatewayEventId,
    /// What happened, in the gateway's words. Events arrive in any order, so read the payment.
    pub kind: String,
    /// The payment that it is about.
    pub reference: Reference,
    /// The order in the payment's metadata; a hint.
    pub order_id: Option<OrderId>,
    /// When it happened, by the gateway's clock.
    pub created_at: DateTime<Utc>,
    /// The worker's lease.
    pub lease: Lease,
}

impl GatewayEvent {
    /// Whether it reports a refund or a dispute, which can happen in any state of the order.
    pub fn is_about_money_given_back(&self) -> bool {
        let beginnings = ["refund.", "charge.refund", "charge.dispute."];
        beginnings.iter().any(|it| self.kind.starts_with(it))
    }
}
