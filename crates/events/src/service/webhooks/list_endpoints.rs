//! Lists endpoints.

use oms_database::boxed;
use oms_validation::TenantId;

use crate::context::webhooks::WebhooksContext;
use crate::domain::webhooks::endpoint::Endpoint;
use crate::error::WebhooksError;
use crate::store::webhooks::endpoints;

/// The endpoints of a tenant, newest first: there are 20 at most.
///
/// # Errors
/// If the database fails.
#[boxed]
pub async fn list_endpoints(
    context: &WebhooksContext,
    tenant: TenantId,
) -> Result<Vec<Endpoint>, WebhooksError> {
    let mut connection = context.database.acquire().await?;
    Ok(endpoints::list(&mut connection, tenant).await?)
}
