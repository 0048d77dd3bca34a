//! Lists the sessions of a tenant, and its keys, for the console.

use oms_database::boxed;
use oms_validation::TenantId;

use super::list_keys::list_keys;
use crate::context::SessionsContext;
use crate::domain::key::KeySummary;
use crate::domain::session::{SESSION_IDLE, SessionId, SessionSummary};
use crate::error::AccessError;
use crate::store::sessions;

/// Maximum number of listed sessions.
const MOST: i64 = 200;

/// Returns the valid sessions of a tenant, the newest first, 200 at most.
///
/// # Errors
/// The database's.
#[boxed]
pub async fn list_sessions(
    context: &SessionsContext,
    tenant: TenantId,
) -> Result<Vec<SessionSummary>, AccessError> {
    let mut connection = context.database.acquire().await?;
    let idle_s = SESSION_IDLE.as_secs_f64();
    let rows = sessions::list_sessions(&mut connection, tenant, idle_s, MOST).await?;
    let summary = |row: sessions::ListedSession| SessionSummary {
        id: SessionId(row.id),
        name: row.name,
        has_key: row.has_key,
        created_at: row.created_at,
        seen_at: row.seen_at,
        expires_at: row.expires_at,
    };
    Ok(rows.into_iter().map(summary).collect())
}

/// Returns the keys of a tenant as [`list_keys`] does.
///
/// # Errors
/// The database's.
#[boxed]
pub async fn list_keys_of(
    context: &SessionsContext,
    tenant: TenantId,
) -> Result<Vec<KeySummary>, AccessError> {
    let mut connection = context.database.acquire().await?;
    list_keys(&mut connection, tenant).await
}
