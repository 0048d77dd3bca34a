//! The errors of webhooks, and the problems that they become for clients.

use oms_database::DbError;
use oms_errors::{INTERNAL, Problem, invalid_field, version_mismatch};

use crate::adapters::sealing::SealError;
use crate::domain::webhooks::outcome::Failure;

/// `Retry-After` of a request whose outcome is unknown, in seconds.
const RETRY_AFTER_S: u32 = 2;

oms_errors::problem_types! {
    /// The tenant has no such endpoint.
    ENDPOINT_NOT_FOUND = "webhooks.endpoint_not_found", NotFound, "Webhook endpoint not found";
    /// The endpoint has received the event, or will receive it in its turn.
    DELIVERY_NOT_FOUND = "webhooks.delivery_not_found", NotFound, "Delivery not found";
    /// The name of the URL leads nowhere, or to an address of a private or special network.
    URL_NOT_ALLOWED = "webhooks.url_not_allowed", Unprocessable, "Webhooks can't be sent to this URL";
    /// A tenant has 20 endpoints at most.
    TOO_MANY_ENDPOINTS = "webhooks.too_many_endpoints", WrongState, "Webhook endpoint limit reached";
    /// Events after the place of the endpoint were deleted because of their age. Send `resumeFrom`.
    POSITION_EXPIRED = "webhooks.position_expired", WrongState, "Events after the endpoint's place were deleted";
    /// The endpoint has no such replay, or it is no longer kept.
    REPLAY_NOT_FOUND = "webhooks.replay_not_found", NotFound, "Replay not found";
    /// The endpoint has a replay that is running. Wait for its end, or cancel it.
    REPLAY_RUNNING = "webhooks.replay_running", WrongState, "A replay is running already";
    /// No event was published between `from` and `to`, or the endpoint has not reached them yet and receives them anyway.
    REPLAY_EMPTY = "webhooks.replay_empty", Unprocessable, "Nothing to replay";
    /// There are more than 100,000 events between `from` and `to`. Replay them in parts, one after the other.
    REPLAY_TOO_LONG = "webhooks.replay_too_long", Unprocessable, "Replay limit exceeded";
    /// The operator has set no OMS_SECRET_KEYS, or not the one that sealed the secret.
    NO_SECRET_KEYS = "webhooks.no_secret_keys", WrongState, "Webhook secrets can't be stored";
    /// The idempotency key was already used with a different request.
    KEY_REUSED = "webhooks.idempotency_key_reused", Unprocessable, "Webhook idempotency key already used";
    /// The database's answer was lost, so the change may or may not have been made. Repeat the request, with the same
    /// idempotency key if it had one.
    OUTCOME_UNKNOWN = "webhooks.outcome_unknown", Unavailable, "Webhook outcome unknown, repeat the request";
}

/// An error of a use case of webhooks.
#[derive(Debug, thiserror::Error)]
pub enum WebhooksError {
    /// The database failed.
    #[error(transparent)]
    Database(DbError),
    /// The answer to COMMIT was lost.
    #[error("the outcome of the change is unknown: {0}")]
    OutcomeUnknown(DbError),
    /// The tenant has no such endpoint.
    #[error("there is no such endpoint")]
    EndpointNotFound,
    /// The endpoint has another version.
    #[error("the endpoint has version {version}")]
    Changed {
        /// Its version.
        version: i32,
    },
    /// The endpoint has no such delivery.
    #[error("there is no such delivery")]
    DeliveryNotFound,
    /// Webhooks can't be sent to the URL.
    #[error("the URL can't be called: {0:?}")]
    UrlNotAllowed(Failure),
    /// The tenant has as many endpoints as it may have.
    #[error("there are too many endpoints")]
    TooManyEndpoints,
    /// Events after the endpoint's place were deleted.
    #[error("events after the endpoint's place were deleted")]
    PositionExpired,
    /// There is no such type of event.
    #[error("there is no event type {0}")]
    UnknownType(String),
    /// Events after the beginning of a replay were deleted.
    #[error("events after the cursor were deleted")]
    CursorExpired,
    /// The endpoint has no such replay.
    #[error("there is no such replay")]
    ReplayNotFound,
    /// The endpoint has a replay already.
    #[error("a replay is running")]
    ReplayRunning,
    /// The span of a replay has no events.
    #[error("there is nothing to replay")]
    EmptySpan,
    /// The span of a replay has too many events.
    #[error("there are too many events to replay")]
    ReplayTooLong,
    /// There are no keys that seal secrets.
    #[error("OMS_SECRET_KEYS is not set")]
    NoSecretKeys,
    /// A secret can't be sealed or opened.
    #[error(transparent)]
    Sealing(#[from] SealError),
    /// The system gives no random numbers, or a stored secret is damaged.
    #[error("a secret can't be made or used")]
    Secret,
    /// The key was used with another request.
    #[error("the idempotency key was used with a different request")]
    KeyReused,
}

impl From<DbError> for WebhooksError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::CommitOutcomeUnknown(_) => Self::OutcomeUnknown(error),
            error => Self::Database(error),
        }
    }
}

impl From<WebhooksError> for Problem {
    fn from(error: WebhooksError) -> Self {
        match error {
            WebhooksError::Database(error) => error.into(),
            WebhooksError::OutcomeUnknown(cause) => Self::of(&OUTCOME_UNKNOWN)
                .with_retry_after_s(RETRY_AFTER_S)
                .with_source(cause),
            WebhooksError::EndpointNotFound => Self::of(&ENDPOINT_NOT_FOUND),
            WebhooksError::Changed { version } => version_mismatch(version),
            WebhooksError::DeliveryNotFound => Self::of(&DELIVERY_NOT_FOUND),
            WebhooksError::UrlNotAllowed(Failure::Dns) => {
                Self::new(&URL_NOT_ALLOWED, "the name of the URL can't be resolved")
            }
            WebhooksError::UrlNotAllowed(_) => Self::new(
                &URL_NOT_ALLOWED,
                "the URL leads to an address of a private or special network",
            ),
            WebhooksError::TooManyEndpoints => Self::of(&TOO_MANY_ENDPOINTS),
            WebhooksError::PositionExpired => Self::of(&POSITION_EXPIRED),
            WebhooksError::CursorExpired => Self::of(&super::CURSOR_EXPIRED),
            WebhooksError::ReplayNotFound => Self::of(&REPLAY_NOT_FOUND),
            WebhooksError::ReplayRunning => Self::of(&REPLAY_RUNNING),
            WebhooksError::EmptySpan => Self::of(&REPLAY_EMPTY),
            WebhooksError::ReplayTooLong => Self::of(&REPLAY_TOO_LONG),
            WebhooksError::UnknownType(name) => {
                let name: String = name.chars().take(50).collect();
                invalid_field(
                    "types",
                    format!("has no event type {name:?}: see GET /event-types"),
                )
            }
            WebhooksError::NoSecretKeys | WebhooksError::Sealing(SealError::UnknownKey(_)) => {
                Self::of(&NO_SECRET_KEYS)
            }
            error @ (WebhooksError::Sealing(_) | WebhooksError::Secret) => {
                Self::of(&INTERNAL).with_source(error)
            }
            WebhooksError::KeyReused => Self::of(&KEY_REUSED),
        }
    }
}
