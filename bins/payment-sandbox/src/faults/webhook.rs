//! Faults of webhook deliveries.

use serde::{Deserialize, Serialize};

use crate::events::EventKind;

/// What happens to the delivery of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(crate) enum WebhookAction {
    /// Delivered more than once.
    Duplicate {
        /// The number of additional deliveries.
        #[serde(default = "one")]
        times: u32,
    },
    /// Delivered after a delay.
    Delay {
        /// The delay.
        ms: u64,
    },
    /// Delivered when the plan is deleted.
    Hold,
    /// Delivered before the call that caused it is answered.
    Early,
    /// Delivered after the next event.
    Reorder,
    /// Never delivered.
    Drop,
    /// Delivered once, signed with another secret.
    Forge,
    /// Delivered once, with a signature that is an hour old.
    Stale,
}

fn one() -> u32 {
    1
}

/// The facts that rules for webhooks are matched against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WebhookFacts<'a> {
    pub(crate) kind: EventKind,
    pub(crate) order_id: Option<&'a str>,
}
