//! Refunds what a return is credited, if that did not succeed when its units were received, once for each idempotency
//! key.
//!
//! Run it in a task that is never cancelled, so that a client that disconnects does not change the outcome.

use oms_fulfilment::ReturnId;
use oms_payments::{Refund, RefundId, find_refunds};
use oms_validation::{IdempotencyKey, Keyed, Once, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::refund::Disputed;
use crate::domain::status::OrderStatus;
use crate::error::{OrderError, ReturningError};
use crate::service::returning::lock_return::{lock_order, return_of};
use crate::service::reversing::go_on_refunding::go_on;
use crate::service::reversing::look_before::look_before;
use crate::service::reversing::pay_out_returns::{Due, Payout, start_payout};
use crate::service::reversing::refund_order::{RefundedOrder, replayed, stored};
use crate::service::transitions::claim_key::{claim_or_find, was_done};
use crate::service::transitions::patience::Patience;
use crate::service::transitions::unpaid_returns::find_unpaid;
use crate::store::orders;

/// Refunds what a return is credited and what no refund has paid out, in the name of `actor`, with what other returns of
/// the order are credited.
///
/// # Errors
/// `ReturnNotFound`; `NothingOwed` if everything is refunded; `NotRefundable`, `RefundInProgress`, `PaymentDisputed`,
/// `AmountNotAccepted`, `RefundExceedsCaptured`, which change nothing; `RefundRefused` if the bank or the gateway
/// rejects the refund; or the database's error.
pub async fn refund_return(
    context: &OrderContext,
    tenant: TenantId,
    id: ReturnId,
    key: &IdempotencyKey,
    disputed: Disputed,
    actor: &str,
) -> Result<RefundedOrder, ReturningError> {
    let despite = disputed == Disputed::Refund;
    let keyed = Keyed::new(key, "refund return v1", &(id, despite));
    let mut connection = context.database.acquire().await?;
    let order_id = return_of(&mut connection, tenant, id).await?.order_id;
    let is_repeated = was_done(&mut connection, tenant, Some(&keyed)).await?;
    drop(connection);
    if !is_repeated {
        look_before(context, tenant, order_id).await?;
    }
    let mut patience = Patience::new(context, tenant, id.as_uuid());
    // The error is the refund that an earlier request with the key started.
    let done = loop {
        let tried = patience.attempt(async |connection| {
            let refund_id = RefundId::generate();
            let uuid = refund_id.as_uuid();
            let claimed = claim_or_find(connection, tenant, &keyed, uuid).await?;
            if let Once::Before(before) = claimed {
                return Ok::<_, ReturningError>(Err(RefundId::from(before)));
            }
            lock_order(connection, tenant, order_id).await?;
            let unpaid = find_unpaid(connection, tenant, order_id).await?;
            if !unpaid.is_some_and(|unpaid| unpaid.has(id)) {
                return Err(ReturningError::NothingOwed);
            }
            // Everything else that the order's returns are owed is paid out, too: their credits are planned together.
            let payout = Payout {
                refund_id,
                due: Due::Unpaid,
                disputed,
            };
            let started =
                start_payout(context, connection, tenant, order_id, payout, actor).await?;
            let started = started.ok_or(ReturningError::NothingOwed)?;
            oms_failpoints::reached("orders.return_refunding");
            Ok(Ok(started))
        });
        if let Some(done) = tried.await {
            break done;
        }
    };
    match done? {
        Err(refund_id) => {
            let (refund, status) = read(context, tenant, order_id, refund_id).await?;
            Ok(replayed(refund, status)?)
        }
        Ok(started) => {
            go_on(context, tenant, &started, actor).await;
            let read = read(context, tenant, order_id, started.refund.id).await;
            let (refund, status) = read.map_err(OrderError::after_commit)?;
            Ok(stored(refund, status)?)
        }
    }
}

async fn read(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    id: RefundId,
) -> Result<(Refund, OrderStatus), OrderError> {
    let mut connection = context.database.acquire().await?;
    let status = orders::find_status(&mut connection, tenant, order_id).await?;
    let mut refunds = find_refunds(&mut connection, tenant, &[order_id]).await?;
    let refunds = refunds.remove(&order_id).unwrap_or_default();
    let refund = refunds.into_iter().find(|refund| refund.id == id);
    refund.zip(status).ok_or(OrderError::NotFound)
}
