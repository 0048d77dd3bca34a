//! Lists the events of one subject that endpoints have not received.

use oms_database::boxed;
use oms_validation::TenantId;
use uuid::Uuid;

use crate::context::webhooks::WebhooksContext;
use crate::domain::webhooks::endpoint::Endpoint;
use crate::domain::webhooks::pending::Delivery;
use crate::error::WebhooksError;
use crate::store::webhooks::{deliveries, endpoints};

/// Maximum number of listed deliveries of one endpoint.
const MOST: usize = 50;

/// The events of a subject, such as an order, that endpoints have not received and that are behind their positions:
/// oldest first, 50 of each endpoint at most. A tenant has 20 endpoints at most.
///
/// # Errors
/// If the database fails.
#[boxed]
pub async fn list_deliveries_of(
    context: &WebhooksContext,
    tenant: TenantId,
    subject: Uuid,
) -> Result<Vec<(Endpoint, Vec<Delivery>)>, WebhooksError> {
    let connection = &mut *context.database.acquire().await?;
    let mut found = Vec::new();
    for endpoint in endpoints::list(connection, tenant).await? {
        let of_it = deliveries::list_of(connection, tenant, endpoint.id, subject, MOST).await?;
        found.push((endpoint, of_it));
    }
    Ok(found)
}
