//! The types of events.

use serde_json::Value;

/// A type of event, which a context publishes.
#[derive(Clone, Copy, Debug)]
pub struct EventType {
    /// Such as `order.paid`.
    pub name: &'static str,
    /// What happened, in one sentence.
    pub summary: &'static str,
    /// The kind of its subject, such as `order`.
    pub subject: &'static str,
    /// Whether an operator is alerted. Then it is a record.
    pub needs_operator: bool,
    /// Returns the JSON Schema of its data.
    pub data: fn() -> Value,
}
