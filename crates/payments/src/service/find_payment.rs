//! Reading the payment of an order: its attempts, its refunds, and its calls to the gateway.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use oms_database::{Connection, send_together};
use oms_validation::{IdempotencyKey, Money, OrderId, TenantId};
use uuid::Uuid;

use crate::domain::mirroring::is_in_flight;
use crate::store::{attempts, gateway_calls, refunds};
use crate::{Attempt, AttemptId, GatewayCall, PaymentError, Refund};

/// Returns the latest attempt to collect an order's payment; `None` for another tenant's order.
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

/// Returns the latest attempt to collect the payment of each order that has one.
///
/// # Errors
/// When the database does not answer.
async fn find_payments(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_ids: &[OrderId],
) -> Result<HashMap<OrderId, Attempt>, PaymentError> {
    Ok(attempts::find_latest_by_orders(connection, tenant_id, order_ids).await?)
}

/// Returns all attempts to collect an order's payment, oldest first.
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

/// Returns the calls to the gateway about an order's payment, in the order in which they were made.
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

/// Like [`list_calls`], page by page: returns up to `limit` calls by time and ID, starting with a given call, if any.
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

/// Returns the latest call about an order that asked a gateway to change something.
///
/// # Errors
/// When the database does not answer.
pub async fn find_latest_change(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_id: OrderId,
) -> Result<Option<GatewayCall>, PaymentError> {
    Ok(gateway_calls::find_latest_change(connection, tenant_id, order_id).await?)
}

/// Returns the refunds of an order's payment, oldest first.
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

/// Returns the refunds of the payments of each order, oldest first.
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

/// Returns the latest attempt and the refunds of each order, oldest first, in one round trip.
///
/// # Errors
/// When the database does not answer.
pub async fn find_payments_and_refunds(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_ids: &[OrderId],
) -> Result<(HashMap<OrderId, Attempt>, HashMap<OrderId, Vec<Refund>>), PaymentError> {
    let statements = (
        attempts::rows_of_orders(tenant_id, order_ids),
        refunds::rows_of_orders(tenant_id, order_ids),
    );
    let sent = send_together(connection, statements).await;
    let (attempts, refunds) = sent?;
    Ok((
        attempts::latest_by_order(attempts)?,
        refunds::by_order(refunds)?,
    ))
}

/// Returns the total that is refunded or pending of each payment, in minor units. Payments without refunds are absent.
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

/// Returns the refund of an order's payment that we requested and that has not ended; there is at most one.
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

/// Returns what is neither refunded nor pending of an order's payment, counted now: a refund records only what was left
/// when it was begun. `None` if no money was captured.
///
/// # Errors
/// When the database does not answer.
pub async fn count_left(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_id: OrderId,
) -> Result<Option<Money>, PaymentError> {
    let attempt = find_payment(connection, tenant_id, order_id).await?;
    let Some((attempt, captured)) = attempt.and_then(|it| it.captured.map(|money| (it.id, money)))
    else {
        return Ok(None);
    };
    let tally = refunds::count(connection, tenant_id, order_id, attempt).await?;
    Ok(Some(Money {
        amount_minor: captured.amount_minor - tally.refunded_minor,
        ..captured
    }))
}

/// Returns the refund with this idempotency key, of any order.
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
