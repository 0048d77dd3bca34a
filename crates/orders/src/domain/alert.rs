//! What a person has to be told.

use chrono::{DateTime, Utc};
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use crate::domain::id::AlertId;

/// What a person has to be told, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Its id: the same each time that it is delivered.
    pub id: AlertId,
    /// The store that it is about.
    pub tenant_id: TenantId,
    /// What kind of thing it is about.
    pub kind: AlertKind,
    /// The dead letter or the finding. There is one alert for each.
    pub subject_id: Uuid,
    /// The order that it is about, if it is about one.
    pub order_id: Option<OrderId>,
    /// In words.
    pub message: String,
    /// When there was reason for it.
    pub created_at: DateTime<Utc>,
}

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertKind {
    /// An order was given up on, until a person decides.
    DeadLetter,
    /// The gateway's books and ours differ.
    Finding,
}

impl AlertKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::DeadLetter, Self::Finding];

    /// As the database and the log have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeadLetter => "dead_letter",
            Self::Finding => "finding",
        }
    }

    /// Reads what [`AlertKind::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}
