//! The use cases: making, listing, replacing and revoking keys.

mod create_key;
mod list_keys;
mod revoke_key;
mod rotate_key;

use std::time::Duration;

use oms_database::{Connection, DbError};
use uuid::Uuid;

use crate::store::{self, NewRow};
use crate::{AccessError, ApiKey, CredentialName, KeyMode, Scopes};

pub use create_key::create_key;
pub use list_keys::{KeyState, KeySummary, list_keys};
pub use revoke_key::revoke_key;
pub use rotate_key::rotate_key;

/// The id of a key, which is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(pub Uuid);

/// What a key is to be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The kind of installation that it is for.
    pub mode: KeyMode,
    /// The store that it opens.
    pub tenant: Uuid,
    /// Who acts with it.
    pub name: CredentialName,
    /// What it allows.
    pub scopes: Scopes,
    /// How long it is good for; none for ever.
    pub expires_in: Option<Duration>,
}

/// A key that was made. The only time that its text is known.
#[derive(Debug)]
pub struct CreatedKey {
    /// What to list and revoke it by.
    pub id: KeyId,
    /// The secret.
    pub key: ApiKey,
}

/// The index that keeps a name from having more than two live keys.
const TWO_PER_NAME: &str = "api_keys_two_per_name";

/// Makes a key in a slot of its name. `taken` is the error for a slot that somebody else took at the same time.
async fn insert(
    connection: &mut Connection,
    new: &NewKey,
    scopes: Vec<&str>,
    slot: i16,
    taken: impl FnOnce(CredentialName) -> AccessError,
) -> Result<CreatedKey, AccessError> {
    let id = Uuid::now_v7();
    let key = ApiKey::generate(new.mode, new.tenant);
    let row = NewRow {
        tenant: new.tenant,
        id,
        name: new.name.as_str(),
        slot,
        hash: key.hash(),
        ending: key.ending(),
        scopes,
        expires_in_s: new.expires_in.map(|time| time.as_secs_f64()),
    };
    match store::insert_key(connection, &row).await {
        Ok(()) => Ok(CreatedKey { id: KeyId(id), key }),
        Err(DbError::UniqueViolation { constraint }) if constraint == TWO_PER_NAME => {
            Err(taken(new.name.clone()))
        }
        Err(error) => Err(error.into()),
    }
}
