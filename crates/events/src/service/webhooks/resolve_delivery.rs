//! Sends an event again at once, or gives it up.

use oms_database::{boxed, transaction};
use oms_validation::TenantId;

use crate::context::webhooks::WebhooksContext;
use crate::domain::key::EventKey;
use crate::domain::webhooks::endpoint::EndpointId;
use crate::domain::webhooks::pending::{Delivery, Pending};
use crate::error::WebhooksError;
use crate::store::webhooks::{clock, deliveries, endpoints};

/// What becomes of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It is sent again now. One that was given up is tried again as often as a new one.
    Retry,
    /// It is given up, so that what waits behind it is sent.
    Skip,
}

/// Resolves a delivery, and returns it. A delivery that waits behind another one keeps its place.
///
/// # Errors
/// `EndpointNotFound`; `DeliveryNotFound` if the endpoint has received the event, or will receive it in its turn; or
/// the database's error.
#[boxed]
pub async fn resolve_delivery(
    context: &WebhooksContext,
    tenant: TenantId,
    id: EndpointId,
    key: EventKey,
    resolution: Resolution,
) -> Result<Delivery, WebhooksError> {
    let mut connection = context.database.acquire().await?;
    transaction(&mut connection, async |connection| {
        let endpoint = endpoints::lock(connection, tenant, id).await?;
        let endpoint = endpoint.ok_or(WebhooksError::EndpointNotFound)?;
        let delivery = deliveries::find(connection, tenant, id, key).await?;
        let delivery = delivery.ok_or(WebhooksError::DeliveryNotFound)?;
        let pending = deliveries::find_pending(connection, tenant, id, usize::MAX).await?;
        let mut pending = Pending::new(endpoint.ordering, pending);
        let now = clock::present(connection, context.now()).await?;
        match resolution {
            Resolution::Retry => pending.retry(delivery.clone(), now),
            Resolution::Skip => pending.skip(delivery.position, now),
        }
        let changes = pending.changes();
        let changed = changes
            .written
            .iter()
            .find(|row| row.position == delivery.position);
        let changed = changed.cloned().unwrap_or(delivery);
        deliveries::write(tenant, id, context.now(), &changes.written)
            .run(connection)
            .await?;
        // The instance that sends to it stops, and the next one loads these deliveries again.
        endpoints::update(connection, tenant, context.now(), &endpoint).await?;
        Ok(changed)
    })
    .await
}
