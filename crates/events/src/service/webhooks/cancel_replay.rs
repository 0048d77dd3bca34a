//! Cancels a replay.

use oms_database::transaction;
use oms_validation::TenantId;

use crate::context::webhooks::WebhooksContext;
use crate::domain::webhooks::endpoint::EndpointId;
use crate::domain::webhooks::replay::{Replay, ReplayId, ReplayState};
use crate::error::WebhooksError;
use crate::store::webhooks::{endpoints, replays};

/// Cancels a replay, and returns it. One that has ended stays as it is.
///
/// # Errors
/// `EndpointNotFound`; `ReplayNotFound`; or the database's error.
pub async fn cancel_replay(
    context: &WebhooksContext,
    tenant: TenantId,
    endpoint: EndpointId,
    id: ReplayId,
) -> Result<Replay, WebhooksError> {
    let mut connection = context.database.acquire().await?;
    transaction(&mut connection, async |connection| {
        let locked = endpoints::lock(connection, tenant, endpoint).await?;
        let locked = locked.ok_or(WebhooksError::EndpointNotFound)?;
        let replay = replays::find(connection, tenant, endpoint, id).await?;
        let replay = replay.ok_or(WebhooksError::ReplayNotFound)?;
        if replay.state != ReplayState::Running {
            return Ok(replay);
        }
        let now = context.now();
        replays::cancel(connection, tenant, endpoint, id, now).await?;
        // The instance that sends to it stops.
        endpoints::update(connection, tenant, now, &locked).await?;
        let cancelled = replays::find(connection, tenant, endpoint, id).await?;
        cancelled.ok_or(WebhooksError::ReplayNotFound)
    })
    .await
}
