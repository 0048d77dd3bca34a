//! Finding which gateway events arrived by webhook.

use std::collections::HashSet;

use oms_database::Connection;
use oms_validation::TenantId;

use crate::store::gateway_events;
use crate::{GatewayEventId, PaymentError};

/// Returns those of these gateway events that are stored, applied or not.
///
/// # Errors
/// When the database does not answer.
pub async fn find_known_events(
    connection: &mut Connection,
    tenant_id: TenantId,
    gateway: &str,
    ids: &[GatewayEventId],
) -> Result<HashSet<GatewayEventId>, PaymentError> {
    Ok(gateway_events::find_known(connection, tenant_id, gateway, ids).await?)
}
