//! Credits the customer for the units of a return, and starts the refund, in the transaction that accepts the units.

use oms_database::Connection;
use oms_fulfilment::{Return, ReturnId, find_fulfilments};
use oms_payments::{find_payment, find_refunds};
use oms_validation::{Money, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::ledger::{counted, ledger};
use crate::domain::return_credit::{GoodsOfLines, plan_return};
use crate::domain::return_terms::{CreditOn, ReturnTerms};
use crate::domain::status::OrderStatus;
use crate::error::{OrderError, ReturningError};
use crate::service::returning::facts::of_credit;
use crate::service::returning::lock_return::lock_order;
use crate::service::reversing::pay_out_returns::{StartedPayout, start_waiting_payout};
use crate::service::reversing::refund_order::go_on;
use crate::service::transitions::happenings::tell;
use crate::store::return_credits;

/// Credits what was accepted of a return and is not credited yet, and starts the refund of everything that waits. An
/// order of which no money is left to refund gets no credit. The order must be locked.
pub(super) async fn credit_return(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    (order_id, return_id): (OrderId, ReturnId),
    actor: &str,
) -> Result<Option<StartedPayout>, ReturningError> {
    let now = context.now();
    let order = lock_order(connection, tenant, order_id).await?;
    if !matches!(order.status, OrderStatus::Paid | OrderStatus::Refunding) {
        return Ok(None);
    }
    let mut found = find_fulfilments(connection, tenant, now, &[order_id]).await?;
    let known = found.remove(&order_id).unwrap_or_default();
    let is_credited = |it: &&Return| {
        let is_automatic = ReturnTerms::stored(&it.terms).credit_on != CreditOn::Manual;
        it.id == return_id && is_automatic && it.lines.iter().any(|line| line.accepted > 0)
    };
    let Some(it) = known.returns.iter().find(is_credited) else {
        return Ok(None);
    };
    let mut refunds = find_refunds(connection, tenant, &[order_id]).await?;
    let refunds = refunds.remove(&order_id).unwrap_or_default();
    let payment = find_payment(connection, tenant, order_id).await?;
    let captured = payment.and_then(|attempt| attempt.captured);
    let owed = ledger(&order, captured, &refunds).owed.amount_minor;
    let before = counted(&order.credits, &refunds);
    let planned = plan_return(&order, &before, owed, &GoodsOfLines::of(&known), it);
    if planned.is_empty() {
        return Ok(None);
    }
    return_credits::insert(connection, tenant, order_id, return_id, &planned, actor).await?;
    let amount = Money {
        amount_minor: planned.iter().map(|(_, amount)| amount).sum(),
        currency: order.total.currency,
    };
    let told = of_credit(it, amount);
    tell(connection, tenant, now, order_id, &told, actor).await?;
    Ok(start_waiting_payout(context, connection, tenant, order_id, actor).await?)
}

/// Executes a refund that was started. If that fails, the sweeper continues.
pub(super) async fn execute(
    context: &OrderContext,
    tenant: TenantId,
    started: Option<StartedPayout>,
    actor: &str,
) {
    let Some(StartedPayout {
        attempt,
        refund,
        claim,
    }) = started
    else {
        return;
    };
    let done: Result<_, OrderError> =
        go_on(context, tenant, &attempt, &refund, &claim, actor).await;
    let order_id = refund.order_id;
    match done {
        Ok(advance) => tracing::info!(%order_id, ?advance, "refunding a return"),
        Err(error) => {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(%order_id, cause, "the refund of a return could not be finished; the sweeper will continue");
        }
    }
}
