//! Deletes an endpoint.

use oms_database::transaction;
use oms_validation::{ExpectedVersion, TenantId};

use crate::context::webhooks::WebhooksContext;
use crate::domain::webhooks::endpoint::EndpointId;
use crate::error::WebhooksError;
use crate::service::webhooks::change_endpoint::lock_expected;
use crate::store::webhooks::{deliveries, endpoints, replays, secrets};

/// Deletes an endpoint if it has the expected version, with its secrets, its replays, and what it has not received.
///
/// # Errors
/// `EndpointNotFound`; `Changed`; or the database's error.
pub(crate) async fn delete_endpoint(
    context: &WebhooksContext,
    tenant: TenantId,
    id: EndpointId,
    expected: &ExpectedVersion,
) -> Result<(), WebhooksError> {
    let mut connection = context.database.acquire().await?;
    transaction(&mut connection, async |connection| {
        lock_expected(connection, tenant, id, expected).await?;
        secrets::delete(connection, tenant, id).await?;
        deliveries::delete_all(connection, tenant, id).await?;
        replays::delete_all(connection, tenant, id).await?;
        Ok(endpoints::delete(connection, tenant, id).await?)
    })
    .await
}
