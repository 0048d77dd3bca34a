//! Taking on what gateways told us, so that somebody applies it: what a message changes is for the caller to find out
//! and to write down, before it ends the message: one that was applied and not ended comes again, and has to change nothing then.

use std::time::Duration;

use oms_database::Connection;
use oms_validation::TenantId;

use crate::store::gateway_events;
use crate::{GatewayEvent, PaymentError};

/// The stores that have messages to be applied now.
///
/// # Errors
/// When the database does not answer.
pub async fn find_due_event_tenants(
    connection: &mut Connection,
) -> Result<Vec<TenantId>, PaymentError> {
    Ok(gateway_events::find_due_tenants(connection).await?)
}

/// Takes on up to `limit` messages of a store, the longest due first. Nobody else gets them within the time of
/// `lease`; commit before you ask a gateway.
///
/// # Errors
/// When the database does not answer.
pub async fn claim_gateway_events(
    connection: &mut Connection,
    tenant_id: TenantId,
    limit: usize,
    lease: Duration,
) -> Result<Vec<GatewayEvent>, PaymentError> {
    Ok(gateway_events::claim_due(connection, tenant_id, limit, lease).await?)
}

/// Ends a message, with what became of it in 1 to 100 characters. False means that it has ended before, or that the
/// lease was over and somebody else has taken it on.
///
/// # Errors
/// When the database does not answer, or `outcome` is empty or too long.
pub async fn finish_gateway_event(
    connection: &mut Connection,
    tenant_id: TenantId,
    event: &GatewayEvent,
    outcome: &str,
) -> Result<bool, PaymentError> {
    Ok(gateway_events::finish(connection, tenant_id, event, outcome).await?)
}

/// Gives a message back, to be taken on again after `delay`. False as for [`finish_gateway_event`].
///
/// # Errors
/// When the database does not answer.
pub async fn postpone_gateway_event(
    connection: &mut Connection,
    tenant_id: TenantId,
    event: &GatewayEvent,
    delay: Duration,
) -> Result<bool, PaymentError> {
    Ok(gateway_events::postpone(connection, tenant_id, event, delay, true).await?)
}

/// Gives a message back that nobody could look at, to be taken on again after `delay`: this was not one of its tries.
/// False as for [`finish_gateway_event`].
///
/// # Errors
/// When the database does not answer.
pub async fn return_gateway_event(
    connection: &mut Connection,
    tenant_id: TenantId,
    event: &GatewayEvent,
    delay: Duration,
) -> Result<bool, PaymentError> {
    Ok(gateway_events::postpone(connection, tenant_id, event, delay, false).await?)
}

/// How many messages of all stores are to be applied now.
///
/// # Errors
/// When the database does not answer.
pub async fn count_due_gateway_events(connection: &mut Connection) -> Result<u64, PaymentError> {
    Ok(gateway_events::count_due(connection).await?)
}
