//! Replaces a key with another one of the same name and scopes; for a while both are valid.

use std::time::Duration;

use oms_database::{Connection, transaction};
use oms_validation::TenantId;

use super::insert_key::insert_key;
use crate::domain::api_key::KeyMode;
use crate::domain::credential::CredentialName;
use crate::domain::key::{CreatedKey, NewKey};
use crate::domain::scope::Scopes;
use crate::error::AccessError;
use crate::store::api_keys;

/// Makes a second key of a name, with the scopes of the first, which expires after `overlap`, or sooner if it did anyway.
///
/// # Errors
/// [`AccessError::NoSuchName`] without a live key, [`AccessError::TwoLive`] while the name has two, or why the database
/// failed.
pub async fn rotate_key(
    connection: &mut Connection,
    mode: KeyMode,
    tenant: TenantId,
    name: &CredentialName,
    overlap: Duration,
    expires_in: Option<Duration>,
) -> Result<CreatedKey, AccessError> {
    transaction(connection, async |connection| {
        api_keys::revoke_expired(connection, tenant, name.as_str()).await?;
        let live = api_keys::lock_live_keys(connection, tenant, name.as_str()).await?;
        let old = match live.as_slice() {
            [] => return Err(AccessError::NoSuchName(name.clone())),
            [old] => old,
            _ => return Err(AccessError::TwoLive(name.clone())),
        };
        let new = NewKey {
            mode,
            tenant,
            name: name.clone(),
            scopes: Scopes::known_among(old.scopes.iter().map(String::as_str)),
            expires_in,
        };
        if new.scopes.is_empty() {
            return Err(AccessError::NoScopes);
        }
        let seconds = overlap.as_secs_f64();
        api_keys::expire_slot(connection, tenant, name.as_str(), old.slot, seconds).await?;
        // The other of the two.
        let slot = 3 - old.slot;
        // As they are stored: another version of the program may know more of them.
        let scopes = old.scopes.iter().map(String::as_str).collect();
        insert_key(connection, &new, scopes, slot, AccessError::TwoLive).await
    })
    .await
}
