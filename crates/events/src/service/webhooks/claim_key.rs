//! Claims idempotency keys.

use oms_database::Connection;
use oms_validation::{Keyed, TenantId};
use uuid::Uuid;

use crate::error::WebhooksError;
use crate::store::webhooks::idempotency_keys;

/// Returns the result of the earlier request with the key, if there is one.
///
/// # Errors
/// `KeyReused` if that request was different.
pub(crate) async fn find_result(
    connection: &mut Connection,
    tenant: TenantId,
    request: &Keyed<'_>,
) -> Result<Option<Uuid>, WebhooksError> {
    match idempotency_keys::find(connection, tenant, request.key).await? {
        Some(record) if record.fingerprint == request.fingerprint => Ok(Some(record.result_id)),
        Some(_) => Err(WebhooksError::KeyReused),
        None => Ok(None),
    }
}

/// Claims the key of a request for `result_id`. This must be the first statement of the transaction that creates the
/// result. Returns `None` if the key was claimed, or the result of the earlier request with the key.
///
/// # Errors
/// `KeyReused` if the key was used with a different request.
pub(crate) async fn claim_key(
    connection: &mut Connection,
    tenant: TenantId,
    request: &Keyed<'_>,
    result_id: Uuid,
) -> Result<Option<Uuid>, WebhooksError> {
    if idempotency_keys::claim(connection, tenant, request, result_id).await? {
        return Ok(None);
    }
    find_result(connection, tenant, request).await
}
