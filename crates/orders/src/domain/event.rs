//! Events of orders.

use chrono::{DateTime, Utc};

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
    /// Who made the change: `api:storefront`, `sweeper`, `operator:ann`, …. Only `api` in events of earlier versions.
    pub actor: String,
    /// Why, in words.
    pub reason: String,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
}
