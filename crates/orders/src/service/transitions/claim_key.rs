//! Executes an operation on an order once for each idempotency key. A request without a key is always executed.

use oms_database::Connection;
use oms_validation::{Keyed, Once, TenantId};
use uuid::Uuid;

use crate::error::OrderError;
use crate::store::idempotency_keys::{self, Claimed};

/// Whether an earlier request with the key did the same.
///
/// # Errors
/// `KeyReused` if the key belongs to another request.
pub(crate) async fn was_done(
    connection: &mut Connection,
    tenant: TenantId,
    request: Option<&Keyed<'_>>,
) -> Result<bool, OrderError> {
    let found = find_done(connection, tenant, request).await?;
    Ok(found.is_some())
}

async fn find_done(
    connection: &mut Connection,
    tenant: TenantId,
    request: Option<&Keyed<'_>>,
) -> Result<Option<Claimed>, OrderError> {
    let Some(request) = request else {
        return Ok(None);
    };
    match idempotency_keys::find(connection, tenant, request.key).await? {
        Some(claimed) if claimed.fingerprint == request.fingerprint => Ok(Some(claimed)),
        Some(_) => Err(OrderError::KeyReused),
        None => Ok(None),
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
    let earlier = claim_key_for(connection, tenant, request, None).await?;
    Ok(match earlier {
        Some(_) => Once::Before(()),
        None => Once::Now(()),
    })
}

/// Like [`claim_key`], for a request that may create something with this ID. Returns what the earlier request with the
/// key stored, if there is one.
pub(crate) async fn claim_key_for(
    connection: &mut Connection,
    tenant: TenantId,
    request: Option<&Keyed<'_>>,
    result_id: Option<Uuid>,
) -> Result<Option<Claimed>, OrderError> {
    match request {
        Some(keyed) if !idempotency_keys::claim(connection, tenant, keyed, result_id).await? => {
            let earlier = find_done(connection, tenant, request).await?;
            // The retention removed it in between.
            earlier.map(Some).ok_or(OrderError::Contended)
        }
        _ => Ok(None),
    }
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
    match claim_key_for(connection, tenant, Some(request), Some(result_id)).await? {
        None => Ok(Once::Now(result_id)),
        Some(earlier) => {
            let before = earlier.result_id.map(Once::Before);
            before.ok_or(OrderError::KeyReused)
        }
    }
}
