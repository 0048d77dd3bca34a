//! Keeping what a gateway tells us, before it is told that we have it.

use oms_database::Connection;
use oms_validation::TenantId;

use crate::store::gateway_events;
use crate::{NewGatewayEvent, PaymentError};

/// Whether a message is news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It was kept.
    Stored,
    /// It had been kept before, and nothing was changed.
    Repeated,
}

/// Keeps a message that was verified. Nothing is done about it yet.
///
/// # Errors
/// When the database can't keep it: then don't acknowledge it, so that it is sent again.
pub async fn receive_gateway_event(
    connection: &mut Connection,
    tenant_id: TenantId,
    event: &NewGatewayEvent,
) -> Result<Received, PaymentError> {
    let is_new = gateway_events::insert(connection, tenant_id, event).await?;
    Ok(match is_new {
        true => Received::Stored,
        false => Received::Repeated,
    })
}
