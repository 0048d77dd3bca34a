//! What is sent, and why.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::event::Event;
use crate::domain::key::EventKey;
use crate::domain::webhooks::attempt::AttemptOutcome;
use crate::domain::webhooks::pending::Delivery;
use crate::domain::webhooks::sending::Sent;

/// An event that is to be sent.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub(super) key: EventKey,
    pub(super) subject_id: Uuid,
    pub(super) event_type: String,
    pub(super) body: Vec<u8>,
}

pub(super) struct Rejection {
    pub(super) outcome: AttemptOutcome,
    pub(super) status: Option<u16>,
    pub(super) next: DateTime<Utc>,
}

/// What is sent, and why.
#[derive(Clone, Copy)]
pub(super) struct Job {
    pub(super) position: i64,
    pub(super) why: Why,
}

/// Why an event is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It is its turn.
    First,
    /// It was rejected this often, or left behind.
    Again(i32),
    /// A replay.
    Replay,
}

/// A job that was done.
pub(super) struct Tried {
    pub(super) job: Job,
    pub(super) started_at: DateTime<Utc>,
    pub(super) sent: Sent,
}

impl Job {
    pub(super) fn first(position: i64) -> Self {
        Self {
            position,
            why: Why::First,
        }
    }

    pub(super) fn again(row: &Delivery) -> Self {
        Self {
            position: row.position,
            why: Why::Again(row.tries),
        }
    }

    pub(super) fn replay(position: i64) -> Self {
        Self {
            position,
            why: Why::Replay,
        }
    }
}

impl Outgoing {
    pub(super) fn of(event: &Event) -> Self {
        Self {
            key: event.key(),
            subject_id: event.subject().id,
            event_type: event.event_type().to_owned(),
            // An event is a JSON object of texts and numbers.
            body: serde_json::to_vec(event).unwrap_or_default(),
        }
    }
}
