//! Closing the payment attempt of an order, in the transaction that settles or holds the order.

use oms_database::{Connection, DbError};
use oms_payments::{Closing, close_attempts};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::clock::Now;
use crate::service::transitions::abort::Abort;
use crate::service::transitions::proof::Proof;
use crate::store::standings;

/// Closes an attempt by compare-and-set; `Abort::LOST` if another request or worker has changed it. Everything that may
/// close an attempt as declined calls this, so that no decline escapes the limits, whatever discovers it and whatever
/// happens to the order.
pub(crate) async fn close_payment(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    proof: &Proof,
) -> Result<(), Abort> {
    let closed = close_attempts(connection, tenant, &[proof.closed()]).await?;
    if !closed.contains(&proof.attempt_id) {
        return Err(Abort::LOST);
    }
    Ok(record_decline(context, connection, tenant, now, order_id, proof).await?)
}

/// Only declines count: neither failures of the gateway nor payments that were given up.
async fn record_decline(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    proof: &Proof,
) -> Result<(), DbError> {
    let limit = context.settings.bounds.declines;
    let is_limited = limit.per_customer > 0 || limit.per_credential > 0;
    if !is_limited || !matches!(proof.closing, Closing::Declined(_)) {
        return Ok(());
    }
    standings::insert_decline(connection, tenant, now, order_id, proof.attempt_id).await
}

/// Makes the declines of the tenant's credentials be counted again, because this process committed a decline.
pub(crate) fn note_declined(context: &OrderContext, tenant: TenantId, proof: &Proof) {
    if matches!(proof.closing, Closing::Declined(_)) {
        let credentials = &context.bounds.credentials;
        credentials.forget(|(counted, _)| *counted == tenant);
    }
}
