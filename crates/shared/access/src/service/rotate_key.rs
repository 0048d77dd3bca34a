//! Replacing a key by another one of the same name and scopes, with a time in which both are good.

use std::time::Duration;

use oms_database::{Connection, transaction};
use uuid::Uuid;

use super::{CreatedKey, NewKey, insert};
use crate::{AccessError, CredentialName, KeyMode, Scopes, store};

/// Makes a second key of a name, with the scopes of the first, which expires after `overlap`, or sooner if it did anyway.
///
/// # Errors
/// [`AccessError::NoSuchName`] without a live key, [`AccessError::TwoLive`] while the name has two, or why the database
/// failed.
pub async fn rotate_key(
    connection: &mut Connection,
    mode: KeyMode,
    tenant: Uuid,
    name: &CredentialName,
    overlap: Duration,
    expires_in: Option<Duration>,
) -> Result<CreatedKey, AccessError> {
    transaction(connection, async |connection| {
        store::revoke_expired(connection, tenant, name.as_str()).await?;
        let live = store::lock_live_keys(connection, tenant, name.as_str()).await?;
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
        store::expire_slot(connection, tenant, name.as_str(), old.slot, seconds).await?;
        // The other of the two.
        let slot = 3 - old.slot;
        // As they are stored: another version of the program may know more of them.
        let scopes = old.scopes.iter().map(String::as_str).collect();
        insert(connection, &new, scopes, slot, AccessError::TwoLive).await
    })
    .await
}
