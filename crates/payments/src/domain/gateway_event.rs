//! Messages of a gateway: that something happened to a payment.

use std::fmt;

use chrono::{DateTime, Utc};
use oms_validation::{OrderId, TenantId};
use oms_work::Lease;

use crate::{InvalidReference, Reference};

/// A gateway's own name for a message, such as `evt_1MqqbKLt4dXK03v5qaIbiNCC`; formed like a [`Reference`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GatewayEventId(Reference);

impl GatewayEventId {
    /// Reads an id.
    ///
    /// # Errors
    /// As [`Reference::parse`].
    pub fn parse(text: &str) -> Result<Self, InvalidReference> {
        Reference::parse(text).map(Self)
    }

    /// The id as the gateway wrote it.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for GatewayEventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a message has to be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventRelevance {
    /// It names a payment that may be another than we know.
    Relevant,
    /// It is kept, and that is all.
    Ignored,
}

/// A message as it arrived, verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGatewayEvent {
    /// [`PaymentGateway::name`](crate::PaymentGateway::name).
    pub gateway: String,
    /// The same each time that the message is sent.
    pub id: GatewayEventId,
    /// What happened, in the gateway's words.
    pub kind: String,
    /// Whether it has to be applied; only with a reference.
    pub relevance: EventRelevance,
    /// The payment that it is about.
    pub reference: Option<Reference>,
    /// The order that the gateway was told.
    pub order_id: Option<OrderId>,
    /// The store that the gateway was told.
    pub tenant_id: Option<TenantId>,
    /// When it happened, by the gateway's clock.
    pub created_at: DateTime<Utc>,
}

/// A message that somebody has taken on to apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayEvent {
    /// [`PaymentGateway::name`](crate::PaymentGateway::name).
    pub gateway: String,
    /// Its id.
    pub id: GatewayEventId,
    /// What happened, in the gateway's words. Order is not guaranteed: ask for the payment.
    pub kind: String,
    /// The payment that it is about.
    pub reference: Reference,
    /// The order that the gateway was told; a hint.
    pub order_id: Option<OrderId>,
    /// When it happened, by the gateway's clock.
    pub created_at: DateTime<Utc>,
    /// The claim on it.
    pub lease: Lease,
}

impl GatewayEvent {
    /// Whether it tells of money that was given back or is disputed, which happens whatever became of the order.
    pub fn is_about_money_given_back(&self) -> bool {
        let beginnings = ["refund.", "charge.refund", "charge.dispute."];
        beginnings.iter().any(|it| self.kind.starts_with(it))
    }
}
