//! The problems that errors of access become for clients.

use oms_errors::{INTERNAL, Problem, UNAUTHENTICATED};

use crate::error::{AccessError, ISSUER_UNAVAILABLE, RATE_LIMITED};

impl From<AccessError> for Problem {
    /// Errors of key management occur only on the command line, so here they are a bug.
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Unknown(_) => Self::of(&UNAUTHENTICATED).with_source(error),
            AccessError::Lacking(scope) => oms_web::forbidden(scope),
            AccessError::TooOften(seconds) => Self::of(&RATE_LIMITED).with_retry_after_s(seconds),
            AccessError::IssuerUnavailable(_) => Self::of(&ISSUER_UNAVAILABLE)
                .with_retry_after_s(1)
                .with_source(error),
            AccessError::Database(error) => error.into(),
            AccessError::NameTaken(_)
            | AccessError::NoSuchName(_)
            | AccessError::TwoLive(_)
            | AccessError::NoSuchKey
            | AccessError::NoScopes => Self::of(&INTERNAL).with_source(error),
        }
    }
}
