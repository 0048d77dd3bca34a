//! The properties of an API key besides its text.

use std::time::Duration;

use chrono::{DateTime, Utc};
use oms_validation::{Scopes, TenantId};
use uuid::Uuid;

use super::api_key::{ApiKey, KeyMode};
use super::credential::CredentialName;

/// The ID of a key, which is not secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(pub Uuid);

/// A key to create.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The kind of installation that the key is for.
    pub mode: KeyMode,
    /// The tenant that it gives access to.
    pub tenant: TenantId,
    /// The name of the client that uses it.
    pub name: CredentialName,
    /// Its scopes.
    pub scopes: Scopes,
    /// Its lifetime. `None` means that it never expires.
    pub expires_in: Option<Duration>,
}

/// A created key. Its text is available only here.
#[derive(Debug)]
pub struct CreatedKey {
    /// The ID by which it is listed and revoked.
    pub id: KeyId,
    /// The secret.
    pub key: ApiKey,
}

/// The state of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// The key is valid.
    Live,
    /// The key has expired.
    Expired,
    /// The key was revoked.
    Revoked,
}

impl KeyState {
    /// The state as text.
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
    /// The ID by which it is revoked.
    pub id: KeyId,
    /// The name of the client that uses it.
    pub name: String,
    /// The last four characters of its text.
    pub ending: String,
    /// Its scopes as stored.
    pub scopes: Vec<String>,
    /// Its state.
    pub state: KeyState,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it expires. `None` means never.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, accurate to a minute.
    pub last_used_at: Option<DateTime<Utc>>,
}
