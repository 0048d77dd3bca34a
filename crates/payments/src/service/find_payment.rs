//! Reading the payment of an order: its attempts, its refunds, and what the gateway was asked.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use oms_database::Connection;
use oms_validation::{IdempotencyKey, OrderId, TenantId};
use uuid::Uuid;

use crate::domain::mirroring::is_in_flight;
use crate::store::{attempts, gateway_calls, refunds};
use crate::{Attempt, AttemptId, GatewayCall, PaymentError, Refund};

/// The latest attempt to collect an order's payment; none for another tenant's order.
///
/// # Errors
/// When the database does not answer.
pub async fn find_payment(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_id: OrderId,
) -> Result<Option<Attempt>, PaymentError> {
    let mut found = find_payments(connection, tenant_id, &[order_id]).await?;
    Ok(found.remove(&order_id))
}

/// The latest attempt to collect the payment of each order that has one.
///
/// # Errors
/// When the database does not answer.
pub async fn find_payments(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_ids: &[OrderId],
) -> Result<HashMap<OrderId, Attempt>, PaymentError> {
    Ok(attempts::find_latest_by_orders(connection, tenant_id, order_ids).await?)
}

/// All attempts to collect an order's payment, the first one first.
///
/// # Errors
/// When the database does not answer.
pub async fn list_attempts(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_id: OrderId,
) -> Result<Vec<Attempt>, PaymentError> {
    Ok(attempts::find_all_by_order(connection, tenant_id, order_id).await?)
}

/// What a gateway was asked about an order's payment, in the order in which it was asked.
///
/// # Errors
/// When the database does not answer.
pub async fn list_calls(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_id: OrderId,
) -> Result<Vec<GatewayCall>, PaymentError> {
    Ok(gateway_calls::find_by_order(connection, tenant_id, order_id).await?)
}

/// The same page by page: up to `limit` calls by the time at which they were made and their id, from a call on, which is
/// among them, if one is given.
///
/// # Errors
/// When the database does not answer.
pub async fn list_calls_from(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_id: OrderId,
    from: Option<(DateTime<Utc>, Uuid)>,
    limit: usize,
) -> Result<Vec<GatewayCall>, PaymentError> {
    let calls = gateway_calls::find_by_order_from(connection, tenant_id, order_id, from, limit);
    Ok(calls.await?)
}

/// The refunds of an order's payment, the first one first.
///
/// # Errors
/// When the database does not answer.
pub async fn list_refunds(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_id: OrderId,
) -> Result<Vec<Refund>, PaymentError> {
    let mut found = find_refunds(connection, tenant_id, &[order_id]).await?;
    Ok(found.remove(&order_id).unwrap_or_default())
}

/// The refunds of the payments of orders, of each the first one first.
///
/// # Errors
/// When the database does not answer.
pub async fn find_refunds(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_ids: &[OrderId],
) -> Result<HashMap<OrderId, Vec<Refund>>, PaymentError> {
    Ok(refunds::find_by_orders(connection, tenant_id, order_ids).await?)
}

/// What of each payment was given back or is about to be, in minor units; payments without refunds are left out.
///
/// # Errors
/// When the database does not answer.
pub async fn find_refunded(
    connection: &mut Connection,
    tenant_id: TenantId,
    attempt_ids: &[AttemptId],
) -> Result<HashMap<AttemptId, i64>, PaymentError> {
    Ok(refunds::sum_by_attempts(connection, tenant_id, attempt_ids).await?)
}

/// The refund of an order's payment that we ask the gateway for and that has not ended; there is at most one.
///
/// # Errors
/// When the database does not answer.
pub async fn find_pending_refund(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_id: OrderId,
) -> Result<Option<Refund>, PaymentError> {
    let refunds = list_refunds(connection, tenant_id, order_id).await?;
    Ok(refunds.into_iter().find(is_in_flight))
}

/// The refund that an idempotency key stands for, of whichever order.
///
/// # Errors
/// When the database does not answer.
pub async fn find_refund_by_key(
    connection: &mut Connection,
    tenant_id: TenantId,
    key: &IdempotencyKey,
) -> Result<Option<Refund>, PaymentError> {
    Ok(refunds::find_by_key(connection, tenant_id, key).await?)
}
