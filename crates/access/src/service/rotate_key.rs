//! Replaces a key with a new one that has the same name and scopes. Both are valid for a while.

use std::time::Duration;

use oms_database::{Connection, transaction};
use oms_validation::{Scopes, TenantId};

use super::insert_key::insert_key;
use crate::domain::api_key::KeyMode;
use crate::domain::credential::CredentialName;
use crate::domain::key::{CreatedKey, NewKey};
use crate::error::AccessError;
use crate::store::api_keys;

/// Creates a second key with the name and the scopes of the first. The first key expires after `overlap`, or at its own
/// expiry if that is sooner.
///
/// # Errors
/// [`AccessError::NoSuchName`] if the name has no live key, [`AccessError::TwoLive`] if it has two, or the database's
/// error.
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
        // The other one of the slots 1 and 2.
        let slot = 3 - old.slot;
        // The stored scopes, because another version of the program may know more of them.
        let scopes = old.scopes.iter().map(String::as_str).collect();
        insert_key(connection, &new, scopes, slot, AccessError::TwoLive).await
    })
    .await
}
