//! Reads a replay.

use oms_validation::TenantId;

use crate::context::webhooks::WebhooksContext;
use crate::domain::webhooks::endpoint::EndpointId;
use crate::domain::webhooks::replay::{Replay, ReplayId};
use crate::error::WebhooksError;
use crate::store::webhooks::replays;

/// Returns a replay.
///
/// # Errors
/// `ReplayNotFound`, or the database's error.
pub async fn get_replay(
    context: &WebhooksContext,
    tenant: TenantId,
    endpoint: EndpointId,
    id: ReplayId,
) -> Result<Replay, WebhooksError> {
    let mut connection = context.database.acquire().await?;
    let replay = replays::find(&mut connection, tenant, endpoint, id).await?;
    replay.ok_or(WebhooksError::ReplayNotFound)
}
