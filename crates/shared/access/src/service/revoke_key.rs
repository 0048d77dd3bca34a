//! Making a key worthless.

use oms_database::Connection;
use uuid::Uuid;

use super::KeyId;
use crate::{AccessError, store};

/// Revokes a key of a tenant. Whoever has verified it lets it in for as long as that is remembered. Repeating it changes
/// nothing.
///
/// # Errors
/// [`AccessError::NoSuchKey`] when the tenant has no such key, or why the database failed.
pub async fn revoke_key(
    connection: &mut Connection,
    tenant: Uuid,
    id: KeyId,
) -> Result<(), AccessError> {
    match store::revoke_key(connection, tenant, id.0).await? {
        true => Ok(()),
        false => Err(AccessError::NoSuchKey),
    }
}
