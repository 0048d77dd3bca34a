//! Charges: what a gateway took or tried to take, as it lists them. Used by reconciliation, which starts from the
//! gateway's side.

use std::fmt;

use chrono::{DateTime, Utc};
use oms_validation::{InstallationId, Money, OrderId, TenantId};

use crate::{InvalidReference, Reference};

/// A gateway's name for a charge, such as `ch_3MmlLrLkdIwHu7ix0snN0B15`; formed like a [`Reference`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ChargeId(Reference);

impl ChargeId {
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

impl fmt::Display for ChargeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One charge as it is now. A payment can have several, of which at most one succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedCharge {
    /// The charge's ID.
    pub id: ChargeId,
    /// The payment that it belongs to; `None` if it was made without one.
    pub reference: Option<Reference>,
    /// The requested amount.
    pub amount: Money,
    /// What was taken.
    pub captured: Money,
    /// How much of it was refunded.
    pub refunded: Money,
    /// The outcome of the charge.
    pub status: ChargeStatus,
    /// Whether money was taken, or is only reserved.
    pub capture: Capture,
    /// Whether it was ever disputed.
    pub disputed: bool,
    /// When it was made, by the gateway's clock.
    pub created_at: DateTime<Utc>,
    /// The order in the payment's metadata, if any.
    pub order_id: Option<OrderId>,
    /// The tenant in the payment's metadata, if any.
    pub tenant_id: Option<TenantId>,
    /// The installation in the payment's metadata, if any.
    pub installation_id: Option<InstallationId>,
}

/// The outcome of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargeStatus {
    /// The bank approved it.
    Succeeded,
    /// The bank has not decided yet.
    Pending,
    /// The bank declined it.
    Failed,
}

/// Whether money was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// The money was taken.
    Captured,
    /// The money was not taken, or not yet.
    Uncaptured,
}

/// The period in which charges were made, by the gateway's clock, which has whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargeWindow {
    /// The start, inclusive.
    pub from: DateTime<Utc>,
    /// The end, exclusive.
    pub to: DateTime<Utc>,
}

/// A page of the charges of a window, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargePage {
    /// The charges.
    pub charges: Vec<ListedCharge>,
    /// Pass it to get the next page; `None` on the last page.
    pub next: Option<ChargeId>,
}
