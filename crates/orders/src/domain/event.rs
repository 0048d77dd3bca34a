//! What happened to an order.

use chrono::{DateTime, Utc};

use crate::domain::status::OrderStatus;

/// One entry of an order's timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderEvent {
    /// Numbered from 1 for each order, without gaps.
    pub sequence: i32,
    /// None for the first.
    pub from: Option<OrderStatus>,
    /// The same as `from` for a note, which changes nothing.
    pub to: OrderStatus,
    /// Who did it: `api:storefront`, `sweeper`, `operator:ann`, …; `api` alone is of an earlier version.
    pub actor: String,
    /// Why, in words.
    pub reason: String,
    /// When.
    pub occurred_at: DateTime<Utc>,
}
