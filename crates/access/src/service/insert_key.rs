//! Inserts a key into one of the two slots of its name.

use oms_database::{Connection, DbError};
use uuid::Uuid;

use crate::domain::api_key::ApiKey;
use crate::domain::credential::CredentialName;
use crate::domain::key::{CreatedKey, KeyId, NewKey};
use crate::error::AccessError;
use crate::store::api_keys::{self, NewRow};

/// The index that limits a name to two live keys.
const TWO_PER_NAME: &str = "api_keys_two_per_name";

/// Creates a key in a slot of its name. `taken` creates the error for a slot that a concurrent transaction took.
pub(super) async fn insert_key(
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
    match api_keys::insert_key(connection, &row).await {
        Ok(()) => Ok(CreatedKey { id: KeyId(id), key }),
        Err(DbError::UniqueViolation { constraint }) if constraint == TWO_PER_NAME => {
            Err(taken(new.name.clone()))
        }
        Err(error) => Err(error.into()),
    }
}
