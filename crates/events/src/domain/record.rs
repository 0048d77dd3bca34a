//! Events that are on no timeline of an order.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::event::Subject;

/// An event that is stored with its data.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRecord {
    /// Its ID, a UUIDv7.
    pub id: Uuid,
    /// Such as `stock.moved`.
    pub event_type: &'static str,
    /// What it is about.
    pub subject: Subject,
    /// A JSON object of facts that never change: no personal data, no texts of customers.
    pub data: Value,
    /// When it happened; the database's time if `None`.
    pub occurred_at: Option<DateTime<Utc>>,
}

impl NewRecord {
    /// Creates a record of now.
    pub fn new(event_type: &'static str, subject: Subject, data: Value) -> Self {
        Self {
            id: Uuid::now_v7(),
            event_type,
            subject,
            data,
            occurred_at: None,
        }
    }
}
