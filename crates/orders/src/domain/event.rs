//! Events of orders.

use chrono::{DateTime, Utc};

use serde_json::Value;

use crate::domain::status::OrderStatus;

/// An event on an order's timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderEvent {
    /// Numbered from 1 for each order, without gaps.
    pub sequence: i32,
    /// `None` for the first.
    pub from: Option<OrderStatus>,
    /// The same as `from` for a note, which changes nothing.
    pub to: OrderStatus,
    /// What it is about: `order.changed` for a change of the status and for a note, `shipment.shipped`, ….
    pub kind: String,
    /// Its facts: IDs, units and amounts.
    pub data: Option<Value>,
    /// Who made the change: `api:storefront`, `sweeper`, `operator:ann`, …. Only `api` in events of earlier versions.
    pub actor: String,
    /// Why, in words.
    pub reason: String,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
}

/// The kind of a change of the status, and of a note.
pub(crate) const CHANGED: &str = "order.changed";
