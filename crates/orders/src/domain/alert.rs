//! Alerts for operators.

use chrono::{DateTime, Utc};
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use crate::domain::id::AlertId;

/// An alert for operators, delivered once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Its ID, the same for every delivery.
    pub id: AlertId,
    /// The tenant concerned.
    pub tenant_id: TenantId,
    /// What it is about.
    pub kind: AlertKind,
    /// The dead letter or the finding. Each has one alert.
    pub subject_id: Uuid,
    /// The order concerned, if any.
    pub order_id: Option<OrderId>,
    /// The message, in words.
    pub message: String,
    /// When it was raised.
    pub created_at: DateTime<Utc>,
}

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertKind {
    /// An order was given up and needs an operator.
    DeadLetter,
    /// The gateway's books and ours differ.
    Finding,
}

impl AlertKind {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::DeadLetter, Self::Finding];

    /// The name in the database and the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeadLetter => "dead_letter",
            Self::Finding => "finding",
        }
    }

    /// Parses the text of [`AlertKind::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}
