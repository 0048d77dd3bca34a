//! An API key as it is made and listed, beside its text.

use std::time::Duration;

use chrono::{DateTime, Utc};
use oms_validation::TenantId;
use uuid::Uuid;

use super::api_key::{ApiKey, KeyMode};
use super::credential::CredentialName;
use super::scope::Scopes;

/// The id of a key, which is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(pub Uuid);

/// What a key is to be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The kind of installation that it is for.
    pub mode: KeyMode,
    /// The store that it opens.
    pub tenant: TenantId,
    /// Who acts with it.
    pub name: CredentialName,
    /// What it allows.
    pub scopes: Scopes,
    /// How long it is good for; none for ever.
    pub expires_in: Option<Duration>,
}

/// A key that was made. The only time that its text is known.
#[derive(Debug)]
pub struct CreatedKey {
    /// What to list and revoke it by.
    pub id: KeyId,
    /// The secret.
    pub key: ApiKey,
}

/// Whether a key opens anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It does.
    Live,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

impl KeyState {
    /// In one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// A key without its secret.
#[derive(Clone, Debug)]
pub struct KeySummary {
    /// What to revoke it by.
    pub id: KeyId,
    /// Who acts with it.
    pub name: String,
    /// The last four characters of its text.
    pub ending: String,
    /// What it allows, as it was stored.
    pub scopes: Vec<String>,
    /// Whether it opens anything.
    pub state: KeyState,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its time is over; none for never.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, give or take a minute.
    pub last_used_at: Option<DateTime<Utc>>,
}
