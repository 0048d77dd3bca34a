//! Which keys there are.

use chrono::{DateTime, Utc};
use oms_database::Connection;
use uuid::Uuid;

use super::KeyId;
use crate::{AccessError, store};

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

/// Every key of a tenant, also those that open nothing any more, by name and age.
///
/// # Errors
/// Why the database failed.
pub async fn list_keys(
    connection: &mut Connection,
    tenant: Uuid,
) -> Result<Vec<KeySummary>, AccessError> {
    let rows = store::list_keys(connection, tenant).await?;
    let summaries = rows.into_iter().map(|row| KeySummary {
        id: KeyId(row.id),
        name: row.name,
        ending: row.ending,
        scopes: row.scopes,
        state: match (row.is_ended, row.is_expired) {
            // An expired key is ended once its slot is needed.
            (_, true) => KeyState::Expired,
            (true, false) => KeyState::Revoked,
            (false, false) => KeyState::Live,
        },
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
    });
    Ok(summaries.collect())
}
