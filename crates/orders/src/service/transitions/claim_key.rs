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

/// Claims the key of a request that creates something, as the first step of the transaction that executes it. Returns
/// what an earlier request with the key created.
///
/// # Errors
/// `KeyReused` if the key belongs to another request; `Contended` if it was released at this moment.
pub(crate) async fn claim_key_for(
    connection: &mut Connection,
    tenant: TenantId,
    request: &Keyed<'_>,
    result_id: Uuid,
) -> Result<Option<Uuid>, OrderError> {
    if idempotency_keys::claim(connection, tenant, request, Some(result_id)).await? {
        return Ok(None);
    }
    let claimed = idempotency_keys::find(connection, tenant, request.key).await?;
    let claimed = claimed.ok_or(OrderError::Contended)?;
    match claimed.result_id {
        Some(before) if claimed.fingerprint == request.fingerprint => Ok(Some(before)),
        _ => Err(OrderError::KeyReused),
    }
}
