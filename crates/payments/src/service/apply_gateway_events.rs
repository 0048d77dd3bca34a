//! Claiming gateway events and finishing them. The caller finds out what an event changes, and writes it, before it
//! finishes the event. An event that was applied but not finished is claimed again, and must then change nothing.

use std::time::Duration;

use oms_database::Connection;
use oms_validation::TenantId;

use crate::store::gateway_events;
use crate::{GatewayEvent, PaymentError};

/// Returns the tenants that have gateway events due.
///
/// # Errors
/// When the database does not answer.
pub async fn find_due_event_tenants(
    connection: &mut Connection,
) -> Result<Vec<TenantId>, PaymentError> {
    Ok(gateway_events::find_due_tenants(connection).await?)
}

/// Claims up to `limit` due gateway events of a tenant, longest due first. No other worker gets them for the duration
/// of `lease`. Commit before you call a gateway.
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

/// Finishes a gateway event with its outcome, in 1 to 100 characters. False when it was finished before, or when the
/// lease expired and another worker has claimed it.
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

/// Postpones a gateway event, to be claimed again after `delay`. False as for [`finish_gateway_event`].
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

/// Returns a gateway event that could not be examined, to be claimed again after `delay`. This does not count as a try.
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

/// Counts the gateway events of all tenants that are due.
///
/// # Errors
/// When the database does not answer.
pub async fn count_due_gateway_events(connection: &mut Connection) -> Result<u64, PaymentError> {
    Ok(gateway_events::count_due(connection).await?)
}
