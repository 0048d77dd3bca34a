//! What can go wrong with a webhook on its way out.

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
        /// So many times more.
        #[serde(default = "one")]
        times: u32,
    },
    /// Delivered after a while.
    Delay {
        /// How long.
        ms: u64,
    },
    /// Delivered after the plan was deleted.
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

/// What a rule for webhooks is matched against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WebhookFacts<'a> {
    pub(crate) kind: EventKind,
    pub(crate) order_id: Option<&'a str>,
}
