//! The errors of the feed, and the problems that they become for clients.

mod webhooks;

use oms_database::DbError;
use oms_errors::{Problem, invalid_field};

pub(crate) use webhooks::{
    DELIVERY_NOT_FOUND, ENDPOINT_NOT_FOUND, KEY_REUSED, NO_SECRET_KEYS, OUTCOME_UNKNOWN,
    POSITION_EXPIRED, REPLAY_EMPTY, REPLAY_NOT_FOUND, REPLAY_RUNNING, REPLAY_TOO_LONG,
    TOO_MANY_ENDPOINTS, URL_NOT_ALLOWED,
};
pub use webhooks::{PROBLEM_TYPES as WEBHOOK_PROBLEM_TYPES, WebhooksError};

/// `Retry-After` of a request that may not wait, in seconds.
const RETRY_AFTER_S: u32 = 5;

oms_errors::problem_types! {
    /// The tenant has no such event, or it is no longer kept.
    NOT_FOUND = "events.not_found", NotFound, "Event not found";
    /// Events after the cursor were deleted because of their age. Read the current state of what you keep, and continue with `after=earliest`.
    CURSOR_EXPIRED = "events.cursor_expired", Gone, "Events after the cursor were deleted";
    /// 20 requests of the tenant wait for events already, or the instance has no room for more. Send the request again after `Retry-After` seconds, or without `wait`.
    TOO_MANY_WAITING = "events.too_many_waiting", TooManyRequests, "Too many requests wait for events";
}

/// An error of a use case of the feed.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The tenant has no such event.
    #[error("there is no such event")]
    NotFound,
    /// Events after the cursor were deleted.
    #[error("events after the cursor were deleted")]
    CursorExpired,
    /// Too many requests are waiting.
    #[error("too many requests are waiting for events")]
    TooManyWaiting,
    /// There is no such type of event.
    #[error("there is no event type {0}")]
    UnknownType(String),
}

impl From<EventsError> for Problem {
    fn from(error: EventsError) -> Self {
        match error {
            EventsError::Database(error) => error.into(),
            EventsError::NotFound => Self::of(&NOT_FOUND),
            EventsError::CursorExpired => Self::of(&CURSOR_EXPIRED),
            EventsError::TooManyWaiting => {
                Self::of(&TOO_MANY_WAITING).with_retry_after_s(RETRY_AFTER_S)
            }
            EventsError::UnknownType(name) => {
                let name: String = name.chars().take(50).collect();
                invalid_field(
                    "types",
                    format!("has no event type {name:?}: see GET /event-types"),
                )
            }
        }
    }
}
