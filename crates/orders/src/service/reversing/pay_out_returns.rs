//! Pays out what customers are credited for returns, with one refund for all credits that wait.

use oms_database::Connection;
use oms_payments::{Attempt, BeginRefund, NewRefund, Refund, RefundId, begin_refund, find_payment};
use oms_validation::{Money, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::domain::refund::Disputed;
use crate::domain::status::OrderStatus;
use crate::error::{OrderError, ReversingError};
use crate::service::reversing::mark_refunding::mark_refunding;
use crate::service::reversing::refuse_disputed::refuse_disputed;
use crate::service::reversing::unpaid_returns::{Due, find_unpaid};
use crate::service::transitions::patience::Patience;
use crate::store::reconciliations::Claim;
use crate::store::{orders, return_credits};

/// Why the customer is refunded, on the order's timeline.
const REASON: &str = "the customer returned units";

/// A refund that was started, to be executed after the commit.
#[derive(Debug)]
pub(crate) struct StartedPayout {
    pub(crate) attempt: Attempt,
    pub(crate) refund: Refund,
    pub(crate) claim: Claim,
}

/// A refund of credits to start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payout {
    pub(crate) refund_id: RefundId,
    pub(crate) due: Due,
    pub(crate) disputed: Disputed,
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
) -> Result<Option<StartedPayout>, ReversingError> {
    let disputed = payout.disputed;
    let order = orders::find(connection, tenant, order_id).await?;
    let order = order.ok_or(OrderError::NotFound)?;
    let Some(unpaid) = find_unpaid(connection, tenant, order_id, payout.due).await? else {
        return Ok(None);
    };
    let gateway = context.gateway.as_ref();
    let amount = Money {
        amount_minor: gateway.step(order.total.currency).floor(unpaid.sum_minor),
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
    if disputed == Disputed::Refuse {
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
    return_credits::pay_out(connection, tenant, order_id, &unpaid.ids, refund.id).await?;
    let authorship = Authorship {
        actor,
        reason: REASON,
    };
    let claim = mark_refunding(context, connection, tenant, order_id, authorship).await?;
    let attempt = find_payment(connection, tenant, order_id).await?;
    let attempt = attempt.expect("a refund that was started has its attempt");
    Ok(Some(StartedPayout {
        attempt,
        refund,
        claim,
    }))
}

/// Starts the refund of the credits that wait, if the order allows it now. Otherwise they continue to wait: for the
/// refund in progress to end, or for an operator, who refunds a disputed payment.
pub(crate) async fn start_waiting_payout(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    actor: &str,
) -> Result<Option<StartedPayout>, OrderError> {
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

/// Starts the refund of credits that waited for the end of another refund. The sweeper executes it.
pub(super) async fn continue_payouts(
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
