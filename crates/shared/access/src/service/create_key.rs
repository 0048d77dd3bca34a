//! Making a key for somebody who has none.

use oms_database::{Connection, transaction};

use super::{CreatedKey, NewKey, insert};
use crate::{AccessError, Scope, store};

/// The slot of a name's first key.
const FIRST: i16 = 1;

/// Makes a key.
///
/// # Errors
/// [`AccessError::NameTaken`] while a key of that name is live, [`AccessError::NoScopes`], or why the database failed.
pub async fn create_key(
    connection: &mut Connection,
    new: &NewKey,
) -> Result<CreatedKey, AccessError> {
    if new.scopes.is_empty() {
        return Err(AccessError::NoScopes);
    }
    transaction(connection, async |connection| {
        let name = new.name.as_str();
        store::revoke_expired(connection, new.tenant, name).await?;
        let live = store::lock_live_keys(connection, new.tenant, name).await?;
        if !live.is_empty() {
            return Err(AccessError::NameTaken(new.name.clone()));
        }
        let scopes = new.scopes.iter().map(Scope::as_str).collect();
        insert(connection, new, scopes, FIRST, AccessError::NameTaken).await
    })
    .await
}
