//! Doing things once for each idempotency key.

use oms_database::Connection;
use oms_validation::{Keyed, TenantId};
use uuid::Uuid;

use crate::error::InventoryError;
use crate::store::idempotency_keys;

/// What the key of a request already stands for.
///
/// # Errors
/// `KeyReused` when that is another request.
pub(crate) async fn find_result(
    connection: &mut Connection,
    tenant: TenantId,
    request: &Keyed<'_>,
) -> Result<Option<Uuid>, InventoryError> {
    match idempotency_keys::find(connection, tenant, request.key).await? {
        Some(record) if record.fingerprint == request.fingerprint => Ok(Some(record.result_id)),
        Some(_) => Err(InventoryError::KeyReused),
        None => Ok(None),
    }
}

/// Claims the key of a request for `result_id`, first thing in the transaction that makes it. None when that is done; else
/// the result that an earlier request with this key has.
///
/// # Errors
/// `KeyReused` when the key stands for another request.
pub(crate) async fn claim_key(
    connection: &mut Connection,
    tenant: TenantId,
    request: &Keyed<'_>,
    result_id: Uuid,
) -> Result<Option<Uuid>, InventoryError> {
    if idempotency_keys::claim(connection, tenant, request, result_id).await? {
        return Ok(None);
    }
    find_result(connection, tenant, request).await
}
