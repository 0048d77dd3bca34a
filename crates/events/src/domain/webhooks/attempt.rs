//! Tries to deliver an event.

use std::time::Duration;

use chrono::{DateTime, Utc};
use oms_validation::{Cursor, define_id, words};

use crate::domain::webhooks::outcome::{Failure, Outcome};

define_id! {
    /// A try to deliver an event.
    AttemptId
}

words! {
    AttemptTrigger, "Why an event was sent.", {
        /// It was its turn.
        First = "first",
        /// An earlier try had failed.
        Retry = "retry",
        /// A replay.
        Replay = "replay",
        /// It was a test.
        Test = "test",
    }
}

words! {
    AttemptOutcome, "What came of a try.", {
        /// The endpoint answered 2xx.
        Delivered = "delivered",
        /// The endpoint answered another status.
        Rejected = "rejected",
        /// The name of the endpoint can't be resolved.
        Dns = "dns",
        /// The endpoint has no address that may be called.
        AddressNotAllowed = "address_not_allowed",
        /// No connection could be opened.
        Connect = "connect",
        /// The certificate was not accepted, or the handshake failed.
        Tls = "tls",
        /// The answer did not arrive in time.
        Timeout = "timeout",
        /// The connection was closed before the answer.
        Closed = "closed",
    }
}

impl From<Outcome> for AttemptOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Delivered => Self::Delivered,
            Outcome::Answered { .. } => Self::Rejected,
            Outcome::Failed(Failure::Dns) => Self::Dns,
            Outcome::Failed(Failure::AddressNotAllowed) => Self::AddressNotAllowed,
            Outcome::Failed(Failure::Connect) => Self::Connect,
            Outcome::Failed(Failure::Tls) => Self::Tls,
            Outcome::Failed(Failure::Timeout) => Self::Timeout,
            Outcome::Failed(Failure::Closed) => Self::Closed,
        }
    }
}

/// A try to deliver an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its ID.
    pub id: AttemptId,
    /// The event's ID.
    pub event_id: String,
    /// The event's type.
    pub event_type: String,
    /// Why the event was sent.
    pub trigger: AttemptTrigger,
    /// When.
    pub started_at: DateTime<Utc>,
    /// How long it took.
    pub duration: Duration,
    /// What came of it.
    pub outcome: AttemptOutcome,
    /// The status that the endpoint answered.
    pub http_status: Option<u16>,
    /// The beginning of its answer, at most 1 kB.
    pub answer_start: String,
}

/// The end of a page of attempts.
pub type AttemptCursor = Cursor<AttemptId>;
