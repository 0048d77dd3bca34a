//! The errors of credentials and keys.

use oms_database::DbError;
use oms_validation::Scope;

use crate::domain::credential::CredentialName;

oms_errors::problem_types! {
    /// The token is signed with an unknown key, and the issuer does not answer. Repeat the request after `Retry-After`
    /// seconds.
    ISSUER_UNAVAILABLE = "access.issuer_unavailable", Unavailable, "Token issuer unavailable";
    /// The credential has exceeded its rate limit. The request was not processed. Repeat it after `Retry-After`
    /// seconds.
    RATE_LIMITED = "access.rate_limited", TooManyRequests, "Rate limit exceeded";
}

/// The error of authentication, authorisation or key management.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The credential is missing or unknown: never created, expired, revoked, or of another installation.
    #[error("the credential is unknown: {0}")]
    Unknown(&'static str),
    /// The credential is known but lacks a scope.
    #[error("the credential lacks the scope {0}")]
    Lacking(Scope),
    /// The credential has exceeded its rate limit.
    #[error("the credential has exceeded its rate limit; retry in {0} s")]
    TooOften(u32),
    /// A key with this name is live.
    #[error("{0} already has a live key: rotate it, or revoke it first")]
    NameTaken(CredentialName),
    /// No key with this name is live.
    #[error("{0} has no live key")]
    NoSuchName(CredentialName),
    /// Two keys with this name are live.
    #[error("{0} has two live keys: revoke one first")]
    TwoLive(CredentialName),
    /// The tenant has no such key.
    #[error("there is no such key")]
    NoSuchKey,
    /// A key must have at least one scope.
    #[error("a key needs at least one scope")]
    NoScopes,
    /// The keys of the issuer can't be fetched.
    #[error("the keys of the issuer can't be fetched")]
    IssuerUnavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Why a view of the console was not saved, renamed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum ViewsError {
    /// The tenant has no such view.
    #[error("there is no such view")]
    NotFound,
    /// Somebody else has renamed the view.
    #[error("the view has another version")]
    Changed,
    /// Another view of the tenant has the name.
    #[error("another view has the name")]
    NameTaken,
    /// The tenant has as many views as it may have.
    #[error("there are too many views")]
    TooMany,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

#[cfg(test)]
mod tests {
    use oms_errors::{Problem, UNAUTHENTICATED};

    use super::*;

    #[test]
    fn a_problem_names_the_missing_scope_but_not_why_a_credential_is_unknown() {
        let forbidden = Problem::from(AccessError::Lacking(Scope::Operations));
        let body = forbidden.body(None);
        assert_eq!(
            (&body["status"], &body["scope"]),
            (&403.into(), &"operations".into())
        );
        let unknown = Problem::from(AccessError::Unknown("revoked"));
        assert!(!unknown.body(None).to_string().contains("revoked"));
        assert_eq!(unknown.problem_type(), &UNAUTHENTICATED);
    }
}
