//! Creates the first key with a name.

use oms_database::{Connection, register_tenant, transaction};
use oms_validation::Scope;

use super::insert_key::insert_key;
use crate::domain::key::{CreatedKey, NewKey};
use crate::error::AccessError;
use crate::store::api_keys;

/// The slot of a name's first key.
const FIRST: i16 = 1;

/// Creates a key, and registers its tenant.
///
/// # Errors
/// [`AccessError::NameTaken`] if a key with that name is live, [`AccessError::NoScopes`], or the database's error.
pub async fn create_key(
    connection: &mut Connection,
    new: &NewKey,
) -> Result<CreatedKey, AccessError> {
    if new.scopes.is_empty() {
        return Err(AccessError::NoScopes);
    }
    transaction(connection, async |connection| {
        register_tenant(connection, new.tenant.as_uuid()).await?;
        let name = new.name.as_str();
        api_keys::revoke_expired(connection, new.tenant, name).await?;
        let live = api_keys::lock_live_keys(connection, new.tenant, name).await?;
        if !live.is_empty() {
            return Err(AccessError::NameTaken(new.name.clone()));
        }
        let scopes = new.scopes.iter().map(Scope::as_str).collect();
        insert_key(connection, new, scopes, FIRST, AccessError::NameTaken).await
    })
    .await
}
