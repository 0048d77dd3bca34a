//! Pays out what customers are credited for returns, with one refund for all credits that wait.

use oms_database::Connection;
use oms_payments::{BeginRefund, NewRefund, RefundId, begin_refund};
use oms_validation::{Money, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::domain::refund::Disputed;
use crate::domain::status::OrderStatus;
use crate::error::{OrderError, ReversingError};
use crate::service::reversing::refuse_disputed::refuse_disputed;
use crate::service::reversing::started_refund::StartedRefund;
use crate::service::transitions::patience::Patience;
use crate::service::transitions::unpaid_returns::{find_unpaid, pay_out, sum_of};
use crate::store::{orders, return_credits};

/// Why the customer is refunded, on the order's timeline.
const REASON: &str = "the customer returned units";

/// A refund of credits to start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payout {
    pub(crate) refund_id: RefundId,
    pub(crate) due: Due,
    pub(crate) disputed: Disputed,
}

/// Which credits are paid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Those that no refund has tried to pay out.
    Waiting,
    /// Those whose refund failed, too.
    Unpaid,
}

/// Starts the refund of an order's credits, in the caller's transaction. Returns `None` if there are none. The order
/// must be locked.
///
/// # Errors
/// `NotRefundable`, `RefundInProgress`, `PaymentDisputed`, `AmountNotAccepted`, `RefundExceedsCaptured`, which change
/// nothing; or the database's error.
pub(crate) async fn start_payout(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    payout: Payout,
    actor: &str,
) -> Result<Option<StartedRefund>, ReversingError> {
    let Some(unpaid) = find_unpaid(connection, tenant, order_id).await? else {
        return Ok(None);
    };
    let order = orders::find(connection, tenant, order_id).await?;
    let order = order.ok_or(OrderError::NotFound)?;
    let due = match payout.due {
        Due::Waiting => unpaid.waiting,
        Due::Unpaid => unpaid.all(),
    };
    let gateway = context.gateway.as_ref();
    // Sums are planned as multiples of the step, except those of earlier versions.
    let amount = Money {
        amount_minor: gateway.step(order.total.currency).floor(sum_of(&due)),
        ..order.total
    };
    if amount.amount_minor == 0 {
        return Ok(None);
    }
    match order.status {
        OrderStatus::Paid => {}
        OrderStatus::Refunding => return Err(ReversingError::RefundInProgress(order_id)),
        status => return Err(ReversingError::NotRefundable { order_id, status }),
    }
    if payout.disputed == Disputed::Refuse {
        refuse_disputed(connection, tenant, order_id, order.status).await?;
    }
    let checked = gateway.check_amount(amount);
    checked.map_err(ReversingError::AmountNotAccepted)?;
    let new = NewRefund {
        id: payout.refund_id,
        order_id,
        amount: Some(amount),
        idempotency_key: None,
        reason: Some(REASON.to_owned()),
        requested_by: actor.to_owned(),
    };
    let refund = match begin_refund(connection, gateway, tenant, &new).await? {
        BeginRefund::Begun(refund) => refund,
        BeginRefund::ExceedsCaptured { available } => {
            return Err(ReversingError::RefundExceedsCaptured { available });
        }
        BeginRefund::NotRefundable | BeginRefund::KeyTaken(_) => {
            let status = order.status;
            return Err(ReversingError::NotRefundable { order_id, status });
        }
    };
    let paid = (refund.id, amount.amount_minor);
    pay_out(connection, tenant, order_id, &due, paid).await?;
    let authorship = Authorship {
        actor,
        reason: REASON,
    };
    let started = StartedRefund::mark(context, connection, tenant, refund, authorship).await?;
    Ok(Some(started))
}

/// Starts the refund of the credits that wait, if the order allows it now. Otherwise they continue to wait: for the
/// refund in progress to end, or for an operator, who refunds a disputed payment.
pub(crate) async fn start_waiting_payout(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    actor: &str,
) -> Result<Option<StartedRefund>, OrderError> {
    let payout = Payout {
        refund_id: RefundId::generate(),
        due: Due::Waiting,
        disputed: Disputed::Refuse,
    };
    match start_payout(context, connection, tenant, order_id, payout, actor).await {
        Ok(started) => Ok(started),
        Err(ReversingError::Order(error)) => Err(error),
        Err(waits) => {
            let cause: &dyn std::error::Error = &waits;
            tracing::info!(%order_id, cause, "credits of returns wait for their refund");
            Ok(None)
        }
    }
}

/// Starts the refund of credits that waited for the end of another refund. The sweeper executes it, and the worker of
/// returns starts it if this fails.
pub(crate) async fn continue_payouts(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    actor: &str,
) {
    if let Err(error) = try_to_continue(context, tenant, order_id, actor).await {
        let cause: &dyn std::error::Error = &error;
        tracing::warn!(%order_id, cause, "credits of returns could not be refunded; a worker will continue");
    }
}

async fn try_to_continue(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    actor: &str,
) -> Result<(), OrderError> {
    let mut connection = context.database.acquire().await?;
    let waits = return_credits::is_waiting(&mut connection, tenant, order_id).await?;
    drop(connection);
    if !waits {
        return Ok(());
    }
    let mut patience = Patience::new(context, tenant, order_id.as_uuid());
    loop {
        let tried = patience.attempt(async |connection| {
            orders::lock_status(connection, tenant, order_id).await?;
            start_waiting_payout(context, connection, tenant, order_id, actor).await
        });
        if let Some(started) = tried.await {
            return started.map(|_| ());
        }
    }
}
