//! What can go wrong with credentials.

use oms_database::DbError;
use oms_errors::{Problem, UNAUTHENTICATED};

use crate::domain::credential::CredentialName;
use crate::domain::scope::Scope;

oms_errors::problem_types! {
    /// The credential is known, and does not allow this. `scope` in the body names what is missing.
    FORBIDDEN = "access.forbidden", Forbidden, "These credentials do not allow this";
    /// The credential is a token of a key that the issuer has to be asked for, and it does not answer.
    ISSUER_UNAVAILABLE = "access.issuer_unavailable", Unavailable, "The issuer of these credentials can't be asked";
    /// The credential is known, and was used too often within its time. `Retry-After` says when it may be used again.
    RATE_LIMITED = "access.rate_limited", TooManyRequests, "Too many requests with these credentials";
}

/// Why a credential is refused, or a key is not made.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// There is no credential, or none that is known: never made, expired, revoked, or of another installation.
    #[error("the credential is not known: {0}")]
    Unknown(&'static str),
    /// The credential is known and lacks a scope.
    #[error("the credential lacks the scope {0}")]
    Lacking(Scope),
    /// The credential was used too often.
    #[error("the credential was used too often, and may be used again in {0} s")]
    TooOften(u32),
    /// A key of this name is live.
    #[error("{0} has a live key: rotate it, or revoke it first")]
    NameTaken(CredentialName),
    /// No key of this name is live.
    #[error("{0} has no live key")]
    NoSuchName(CredentialName),
    /// Two keys of this name are live.
    #[error("{0} has two live keys: revoke one first")]
    TwoLive(CredentialName),
    /// The tenant has no such key.
    #[error("there is no such key")]
    NoSuchKey,
    /// A key without scopes allows nothing.
    #[error("a key needs at least one scope")]
    NoScopes,
    /// The keys of the issuer can't be had.
    #[error("the issuer can't be asked for its keys")]
    IssuerUnavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl AccessError {
    /// As a request is answered. What concerns the making of keys is told on the command line only, and is a defect here.
    pub fn into_problem(self) -> Problem {
        match self {
            Self::Unknown(_) => Problem::of(&UNAUTHENTICATED).with_source(self),
            Self::Lacking(scope) => {
                Problem::new(&FORBIDDEN, format!("the scope {scope} is missing"))
                    .with_extension("scope", scope.as_str())
            }
            Self::TooOften(seconds) => Problem::of(&RATE_LIMITED).with_retry_after_s(seconds),
            Self::IssuerUnavailable(_) => Problem::of(&ISSUER_UNAVAILABLE)
                .with_retry_after_s(1)
                .with_source(self),
            Self::Database(error) => error.into(),
            Self::NameTaken(_)
            | Self::NoSuchName(_)
            | Self::TwoLive(_)
            | Self::NoSuchKey
            | Self::NoScopes => Problem::of(&oms_errors::INTERNAL).with_source(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_scope_that_is_missing_and_never_why_a_credential_is_not_known() {
        let forbidden = AccessError::Lacking(Scope::Operations).into_problem();
        let body = forbidden.body(None);
        assert_eq!(
            (&body["status"], &body["scope"]),
            (&403.into(), &"operations".into())
        );
        let unknown = AccessError::Unknown("revoked").into_problem();
        assert!(!unknown.body(None).to_string().contains("revoked"));
        assert_eq!(unknown.problem_type(), &UNAUTHENTICATED);
    }
}
