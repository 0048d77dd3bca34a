//! Charges: what a gateway took or tried to take, as it lists them. For reconciliation, which starts from the
//! gateway's side.

use std::fmt;

use chrono::{DateTime, Utc};
use oms_validation::{InstallationId, Money, OrderId, TenantId};

use crate::{InvalidReference, Reference};

/// A gateway's own name for a charge, such as `ch_3MmlLrLkdIwHu7ix0snN0B15`; formed like a [`Reference`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ChargeId(Reference);

impl ChargeId {
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

impl fmt::Display for ChargeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One charge as it is now. A payment can have several, of which one at most succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedCharge {
    /// Its id.
    pub id: ChargeId,
    /// The payment that it belongs to; none for one that was made past payments.
    pub reference: Option<Reference>,
    /// What was asked for.
    pub amount: Money,
    /// What was taken.
    pub captured: Money,
    /// How much of it was given back.
    pub refunded: Money,
    /// What became of it.
    pub status: ChargeStatus,
    /// Whether money was taken, or is only reserved.
    pub capture: Capture,
    /// Whether it was ever disputed.
    pub disputed: bool,
    /// When it was made, by the gateway's clock.
    pub created_at: DateTime<Utc>,
    /// The order that the payment was made for, if it carries one.
    pub order_id: Option<OrderId>,
    /// The store that it was made for, if it carries one.
    pub tenant_id: Option<TenantId>,
    /// The installation that made the payment, if it carries one.
    pub installation_id: Option<InstallationId>,
}

/// What became of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargeStatus {
    /// The bank agreed.
    Succeeded,
    /// The bank has not decided yet.
    Pending,
    /// The bank refused.
    Failed,
}

/// Whether money was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// It was.
    Captured,
    /// It was not, or not yet.
    Uncaptured,
}

/// From when to when charges were made, by the gateway's clock, which counts whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargeWindow {
    /// From here on.
    pub from: DateTime<Utc>,
    /// Up to here, and not at it.
    pub to: DateTime<Utc>,
}

/// Some charges of a window, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargePage {
    /// The charges.
    pub charges: Vec<ListedCharge>,
    /// Ask for what comes after this one; none at the end.
    pub next: Option<ChargeId>,
}
