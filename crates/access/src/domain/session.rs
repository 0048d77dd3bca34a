//! A session of the console: who is signed in, since when, and until when.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::credential::Credential;
use super::tenant_secret::TenantSecret;

/// A session ends when it is not used for this long.
pub(crate) const SESSION_IDLE: Duration = Duration::from_secs(30 * 60);

/// A session ends this long after it began, however much it is used.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// A sign-in link can be used for this long.
pub(crate) const LINK_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// The ID of a session, which is not secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub Uuid);

/// Whether a request shows that somebody is there. A page that refreshes itself does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The operator opened a page or sent a form.
    Operator,
    /// The page asked for itself.
    Page,
}

/// A session that is valid now.
#[derive(Clone, Debug)]
pub struct Session {
    /// The ID by which it is listed.
    pub id: SessionId,
    /// The tenant, the operator's name and the scopes.
    pub credential: Credential,
    /// When the operator signed in.
    pub created_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// A session that just began. Its secret is available only here.
#[derive(Debug)]
pub struct NewSession {
    /// The value of the cookie.
    pub secret: TenantSecret,
    /// The session.
    pub session: Session,
}

/// A session in the list of sessions.
#[derive(Clone, Debug)]
pub struct SessionSummary {
    /// The ID.
    pub id: SessionId,
    /// The name of the operator.
    pub name: String,
    /// Whether it began with an API key, whose end is its end.
    pub has_key: bool,
    /// When the operator signed in.
    pub created_at: DateTime<Utc>,
    /// When it was last used, accurate to a minute.
    pub seen_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}
