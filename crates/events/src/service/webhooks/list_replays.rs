//! Lists replays.

use oms_validation::TenantId;

use crate::context::webhooks::WebhooksContext;
use crate::domain::webhooks::endpoint::EndpointId;
use crate::domain::webhooks::replay::Replay;
use crate::error::WebhooksError;
use crate::store::webhooks::{endpoints, replays};

/// Returns the replays of an endpoint that are kept, newest first: up to 100.
///
/// # Errors
/// `EndpointNotFound`, or the database's error.
pub(crate) async fn list_replays(
    context: &WebhooksContext,
    tenant: TenantId,
    endpoint: EndpointId,
) -> Result<Vec<Replay>, WebhooksError> {
    let connection = &mut *context.database.acquire().await?;
    let found = endpoints::find(connection, tenant, endpoint).await?;
    found.ok_or(WebhooksError::EndpointNotFound)?;
    Ok(replays::list(connection, tenant, endpoint).await?)
}
