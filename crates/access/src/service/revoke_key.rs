//! Revokes a key.

use oms_database::Connection;
use oms_validation::TenantId;

use crate::domain::key::KeyId;
use crate::error::AccessError;
use crate::store::api_keys;

/// Revokes a key of a tenant. Instances that have cached the key accept it until the cache entry expires. Repeating it
/// changes nothing.
///
/// # Errors
/// [`AccessError::NoSuchKey`] if the tenant has no such key, or the database's error.
pub async fn revoke_key(
    connection: &mut Connection,
    tenant: TenantId,
    id: KeyId,
) -> Result<(), AccessError> {
    match api_keys::revoke_key(connection, tenant, id.0).await? {
        true => Ok(()),
        false => Err(AccessError::NoSuchKey),
    }
}
