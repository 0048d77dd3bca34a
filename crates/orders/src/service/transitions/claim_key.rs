//! Executes an operation on an order once for each idempotency key. A request without a key is always executed.

use oms_database::Connection;
use oms_validation::{Keyed, Once, TenantId};
use uuid::Uuid;

use crate::error::OrderError;
use crate::store::idempotency_keys;

/// Whether an earlier request with the key did the same.
///
/// # Errors
/// `KeyReused` if the key belongs to another request.
pub(crate) async fn was_done(
    connection: &mut Connection,
    tenant: TenantId,
    request: Option<&Keyed<'_>>,
) -> Result<bool, OrderError> {
    let Some(request) = request else {
        return Ok(false);
    };
    match idempotency_keys::find(connection, tenant, request.key).await? {
        Some(claimed) if claimed.fingerprint == request.fingerprint => Ok(true),
        Some(_) => Err(OrderError::KeyReused),
        None => Ok(false),
    }
}

/// Claims the key of a request, as the first step of the transaction that executes it. Returns `Before` if an earlier
/// request with the key did the same.
///
/// # Errors
/// `KeyReused` if the key belongs to another request.
pub(crate) async fn claim_key(
    connection: &mut Connection,
    tenant: TenantId,
    request: Option<&Keyed<'_>>,
) -> Result<Once<()>, OrderError> {
    if let Some(request) = request
        && !idempotency_keys::claim(connection, tenant, request, None).await?
        && was_done(connection, tenant, Some(request)).await?
    {
        return Ok(Once::Before(()));
    }
    Ok(Once::Now(()))
}

/// Like [`claim_key`], for a request that creates something, under this ID or under the one of the earlier request.
///
/// # Errors
/// `KeyReused` if the key belongs to another request.
pub(crate) async fn claim_or_find(
    connection: &mut Connection,
    tenant: TenantId,
    request: &Keyed<'_>,
    result_id: Uuid,
) -> Result<Once<Uuid>, OrderError> {
    if idempotency_keys::claim(connection, tenant, request, Some(result_id)).await? {
        return Ok(Once::Now(result_id));
    }
    let found = idempotency_keys::find(connection, tenant, request.key).await?;
    match found {
        Some(found) if found.fingerprint == request.fingerprint => {
            let before = found.result_id.map(Once::Before);
            before.ok_or(OrderError::KeyReused)
        }
        Some(_) => Err(OrderError::KeyReused),
        // The retention removed it in between.
        None => Err(OrderError::Contended),
    }
}
