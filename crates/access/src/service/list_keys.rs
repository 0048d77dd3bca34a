//! Lists the keys of a tenant.

use oms_database::Connection;
use oms_validation::TenantId;

use crate::domain::key::{KeyId, KeyState, KeySummary};
use crate::error::AccessError;
use crate::store::api_keys;

/// Returns all keys of a tenant, including revoked and expired ones, ordered by name and age.
///
/// # Errors
/// When the database fails.
pub async fn list_keys(
    connection: &mut Connection,
    tenant: TenantId,
) -> Result<Vec<KeySummary>, AccessError> {
    let rows = api_keys::list_keys(connection, tenant).await?;
    let summaries = rows.into_iter().map(|row| KeySummary {
        id: KeyId(row.id),
        name: row.name,
        ending: row.ending,
        scopes: row.scopes,
        state: match (row.is_ended, row.is_expired) {
            // An expired key is marked as revoked when its slot is needed.
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
