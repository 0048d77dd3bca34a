//! The problems that errors of access become for clients.

use oms_errors::{INTERNAL, Problem, UNAUTHENTICATED};

use crate::error::{AccessError, ISSUER_UNAVAILABLE, RATE_LIMITED};

impl AccessError {
    /// Converts the error into the problem for a request. Errors of key management occur only on the command line, so
    /// here they are a bug.
    pub fn into_problem(self) -> Problem {
        match self {
            Self::Unknown(_) => Problem::of(&UNAUTHENTICATED).with_source(self),
            Self::Lacking(scope) => oms_web::forbidden(scope),
            Self::TooOften(seconds) => Problem::of(&RATE_LIMITED).with_retry_after_s(seconds),
            Self::IssuerUnavailable(_) => Problem::of(&ISSUER_UNAVAILABLE)
                .with_retry_after_s(1)
                .with_source(self),
            Self::Database(error) => error.into(),
            Self::NameTaken(_)
            | Self::NoSuchName(_)
            | Self::TwoLive(_)
            | Self::NoSuchKey
            | Self::NoScopes => Problem::of(&INTERNAL).with_source(self),
        }
    }
}
