//! Storing a gateway event, before it is acknowledged.

use oms_database::{Connection, register_tenant};
use oms_validation::TenantId;

use crate::store::gateway_events;
use crate::{EventRelevance, NewGatewayEvent, PaymentError};

/// Whether a gateway event is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It was stored.
    Stored,
    /// It was stored before, and nothing changed.
    Repeated,
}

/// Returns the tenant of a gateway event: the one that it names, otherwise the one that has its payment, otherwise the
/// installation's own. Refunds and disputes that were made elsewhere name none.
///
/// # Errors
/// If the database does not answer.
pub(crate) async fn find_event_tenant(
    connection: &mut Connection,
    own: TenantId,
    event: &NewGatewayEvent,
) -> Result<TenantId, PaymentError> {
    if let Some(named) = event.tenant_id {
        return Ok(named);
    }
    let owner = match &event.reference {
        Some(reference) if event.relevance == EventRelevance::Relevant => {
            gateway_events::find_owner(connection, &event.gateway, reference).await?
        }
        _ => None,
    };
    Ok(owner.unwrap_or(own))
}

/// Stores a verified gateway event, and registers the tenant that it names. The event is applied later.
///
/// # Errors
/// If the database can't store it. The caller must then not acknowledge it, so that the gateway sends it again.
pub async fn receive_gateway_event(
    connection: &mut Connection,
    tenant_id: TenantId,
    event: &NewGatewayEvent,
) -> Result<Received, PaymentError> {
    register_tenant(connection, tenant_id.as_uuid()).await?;
    let is_new = gateway_events::insert(connection, tenant_id, event).await?;
    Ok(match is_new {
        true => Received::Stored,
        false => Received::Repeated,
    })
}
