//! Pauses and enables endpoints.

use oms_database::{boxed, transaction};
use oms_validation::{Actor, ExpectedVersion, TenantId};

use crate::context::webhooks::WebhooksContext;
use crate::domain::feed::FeedStart;
use crate::domain::webhooks::endpoint::{Endpoint, EndpointId, EndpointStatus};
use crate::error::WebhooksError;
use crate::service::webhooks::change_endpoint::lock_expected;
use crate::service::webhooks::create_endpoint::position_of;
use crate::store::segments;
use crate::store::webhooks::{deliveries, endpoints};

/// Pauses an endpoint, which keeps its place. A paused or disabled endpoint stays as it is.
///
/// # Errors
/// `EndpointNotFound`; `Changed`; or the database's error.
#[boxed]
pub async fn pause_endpoint(
    context: &WebhooksContext,
    tenant: TenantId,
    id: EndpointId,
    expected: &ExpectedVersion,
    actor: &Actor,
) -> Result<Endpoint, WebhooksError> {
    let mut connection = context.database.acquire().await?;
    transaction(&mut connection, async |connection| {
        let mut endpoint = lock_expected(connection, tenant, id, expected).await?;
        if endpoint.status != EndpointStatus::Enabled {
            return Ok(endpoint);
        }
        endpoint.status = EndpointStatus::Paused;
        endpoint.status_reason = Some(format!("paused by {}", actor.as_str()));
        Ok(endpoints::update(connection, tenant, context.now(), &endpoint).await?)
    })
    .await
}

/// Enables an endpoint, which continues at its place, or at `resume_from`.
///
/// # Errors
/// `EndpointNotFound`; `Changed`; `PositionExpired` if events after the place were deleted; or the database's error.
#[boxed]
pub async fn enable_endpoint(
    context: &WebhooksContext,
    tenant: TenantId,
    id: EndpointId,
    expected: &ExpectedVersion,
    resume_from: Option<FeedStart>,
) -> Result<Endpoint, WebhooksError> {
    let mut connection = context.database.acquire().await?;
    transaction(&mut connection, async |connection| {
        let mut endpoint = lock_expected(connection, tenant, id, expected).await?;
        if endpoint.status == EndpointStatus::Enabled && resume_from.is_none() {
            return Ok(endpoint);
        }
        endpoint.position = match resume_from {
            Some(start) => {
                let position = position_of(connection, tenant, start).await?;
                // These come again with the feed, in their order.
                deliveries::delete_after(connection, tenant, id, position).await?;
                position
            }
            None => {
                let feed = segments::read(connection, tenant, None, 0).await?;
                if endpoint.position < feed.purged_to {
                    return Err(WebhooksError::PositionExpired);
                }
                endpoint.position
            }
        };
        endpoint.status = EndpointStatus::Enabled;
        endpoint.status_reason = None;
        (endpoint.failing_since, endpoint.failures) = (None, 0);
        Ok(endpoints::update(connection, tenant, context.now(), &endpoint).await?)
    })
    .await
}
