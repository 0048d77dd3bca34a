//! Cancels what of an order is not shipped, when a part of it is: refunds the money for it, and then releases its
//! stock. What was shipped stays shipped and paid.
//!
//! Run it in a task that is never cancelled, so that a client that disconnects does not change the outcome.

use std::sync::Arc;

use oms_database::Connection;
use oms_fulfilment::{find_fulfilments, freeze_unsent};
use oms_payments::{
    Attempt, BeginRefund, NewRefund, Refund, RefundEnd, RefundFailure, RefundId, RefundState,
    begin_refund, find_payment, find_refunds,
};
use oms_validation::{IdempotencyKey, Keyed, Money, Once, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::credit::CreditPart;
use crate::domain::ledger::counted;
use crate::domain::placed_order::PendingOrder;
use crate::domain::reason::Reason;
use crate::domain::refund::{Disputed, Refunded, RequestedRefund};
use crate::domain::refund_plan::{UnsentUnits, plan_units};
use crate::domain::return_credit::GoodsOfLines;
use crate::domain::status::OrderStatus;
use crate::error::{OrderError, ReversingError};
use crate::service::reading::get_order::{OrderDetails, get_order};
use crate::service::reversing::cancel_order::{Cancellation, cancel_order};
use crate::service::reversing::refund_order::{check_amount, go_on, write};
use crate::service::reversing::refuse_disputed::refuse_disputed;
use crate::service::reversing::unpaid_returns::{Due, find_unpaid};
use crate::service::transitions::claim_key::claim_key;
use crate::service::transitions::patience::Patience;
use crate::service::transitions::settle_frozen::settle_frozen;
use crate::store::reconciliations::Claim;
use crate::store::{credits, orders};

/// The progress of a cancellation.
enum Cancelling {
    /// Its money is being refunded.
    Refunding(Box<Begun>),
    /// Nothing is left to do.
    Done,
}

/// A refund that this request has started.
struct Begun {
    attempt: Attempt,
    refund: Refund,
    claim: Claim,
}

/// Cancels what is not shipped in the name of `actor`. An order of which nothing was shipped is cancelled as a whole.
/// Packed shipments are cancelled. Units are kept from being shipped until their money is refunded; if the refund is
/// rejected, they may be shipped again.
///
/// # Errors
/// Those of [`cancel_order`]; `NothingUnshipped` if everything was shipped or is cancelled; `RefundRefused` if the bank
/// or the gateway rejects the refund.
pub async fn cancel_unshipped(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    order_id: OrderId,
    key: Option<&IdempotencyKey>,
    reason: Option<&Reason>,
    actor: &str,
) -> Result<Once<Cancellation>, ReversingError> {
    let details = get_order(context, tenant, order_id).await?;
    if details.fulfilment.shipped() == 0 {
        return cancel_order(context, tenant, order_id, key, reason, actor).await;
    }
    let request = (order_id, reason.map(Reason::as_str));
    let keyed = key.map(|key| Keyed::new(key, "cancel unshipped v1", &request));
    let mut patience = Patience::new(context, tenant, order_id.as_uuid());
    let begun = loop {
        let tried = patience.attempt(async |connection| {
            if claim_key(connection, tenant, keyed.as_ref()).await? == Once::Before(()) {
                return Ok(Once::Before(Cancelling::Done));
            }
            let begun = begin(context, connection, tenant, order_id, reason, actor).await?;
            Ok::<_, ReversingError>(Once::Now(begun))
        });
        if let Some(begun) = tried.await {
            break begun;
        }
    };
    let begun = begun?;
    let is_new = matches!(begun, Once::Now(_));
    let Once::Now(Cancelling::Refunding(begun)) = begun else {
        let details = get_order(context, tenant, order_id).await;
        let answer = answer(details.map_err(OrderError::after_commit)?);
        return Ok(match is_new {
            true => Once::Now(answer),
            false => Once::Before(answer),
        });
    };
    let Begun {
        attempt,
        refund,
        claim,
    } = *begun;
    oms_failpoints::reached("orders.unshipped_refunding");
    if let Err(error) = go_on(context, tenant, &attempt, &refund, &claim, actor).await {
        let cause: &dyn std::error::Error = &error;
        tracing::warn!(%order_id, cause, "a cancellation could not be finished; the sweeper will continue");
    }
    let details = get_order(context, tenant, order_id).await;
    let details = details.map_err(OrderError::after_commit)?;
    refuse_rejected(&details, refund.id)?;
    Ok(Once::Now(answer(details)))
}

async fn begin(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    reason: Option<&Reason>,
    actor: &str,
) -> Result<Cancelling, ReversingError> {
    let status = orders::lock_status(connection, tenant, order_id).await?;
    match status.ok_or(OrderError::NotFound)? {
        OrderStatus::Paid => {}
        OrderStatus::Refunding => return Err(ReversingError::RefundInProgress(order_id)),
        status => return Err(ReversingError::NotCancellable { order_id, status }),
    }
    let status = OrderStatus::Paid;
    refuse_disputed(connection, tenant, order_id, status).await?;
    let now = context.now();
    let found = find_fulfilments(connection, tenant, now, &[order_id]).await?;
    let is_left = |order: &oms_fulfilment::FulfilmentOrder| order.outstanding() > 0;
    let left = found.get(&order_id);
    if !left.is_some_and(|it| it.fulfilment_orders.iter().any(is_left)) {
        return Err(ReversingError::NothingUnshipped { order_id, status });
    }
    let mut unsent = UnsentUnits::default();
    let orders = left.into_iter().flat_map(|it| &it.fulfilment_orders);
    for line in orders.flat_map(|order| &order.lines) {
        *unsent.cancelled.entry(line.number).or_default() += line.cancelled;
    }
    unsent.returned = left.map(GoodsOfLines::of).unwrap_or_default().accepted;
    let why = reason.map_or("what is not shipped is cancelled", Reason::as_str);
    unsent.cancelling = freeze_unsent(connection, tenant, now, order_id, why).await?;
    let (credits, amount) = plan_credits(connection, tenant, order_id, &unsent).await?;
    let Some(refund) = start_refund(
        context,
        connection,
        tenant,
        (order_id, &credits, amount),
        reason,
        actor,
    )
    .await?
    else {
        settle_frozen(connection, tenant, now, order_id, &RefundEnd::Refunded).await?;
        return Ok(Cancelling::Done);
    };
    let request = RequestedRefund {
        what: Refunded::Amount(refund.amount),
        reason: reason.cloned(),
        disputed: Disputed::Refuse,
    };
    let claim = write(context, connection, tenant, order_id, &request, actor).await?;
    let attempt = find_payment(connection, tenant, order_id).await?;
    let attempt = attempt.expect("a refund that was started has its attempt");
    Ok(Cancelling::Refunding(Box::new(Begun {
        attempt,
        refund,
        claim,
    })))
}

/// What is refunded for the units.
async fn plan_credits(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    units: &UnsentUnits,
) -> Result<(Vec<(CreditPart, i64)>, Money), ReversingError> {
    let order = orders::find(connection, tenant, order_id).await?;
    let order = order.ok_or(OrderError::NotFound)?;
    let mut refunds = find_refunds(connection, tenant, &[order_id]).await?;
    let refunds = refunds.remove(&order_id).unwrap_or_default();
    let counted = counted(&order.credits, &refunds);
    Ok(plan_units(&order, &counted, units))
}

/// Starts the refund of the credits. If less is left of the payment, it is the refund of that amount and of no
/// particular part. Returns `None` if there is nothing to refund.
async fn start_refund(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    (order_id, credits, amount): (OrderId, &[(CreditPart, i64)], Money),
    reason: Option<&Reason>,
    actor: &str,
) -> Result<Option<Refund>, ReversingError> {
    if amount.amount_minor == 0 {
        return Ok(None);
    }
    let new = |amount| NewRefund {
        id: RefundId::generate(),
        order_id,
        amount: Some(amount),
        idempotency_key: None,
        reason: reason.map(|reason| reason.as_str().to_owned()),
        requested_by: actor.to_owned(),
    };
    check_amount(context, amount)?;
    let unpaid = find_unpaid(connection, tenant, order_id, Due::Unpaid).await?;
    let besides = unpaid.map(|unpaid| Money {
        amount_minor: unpaid.besides_minor,
        ..amount
    });
    let begun = match besides.filter(|besides| besides.amount_minor < amount.amount_minor) {
        Some(available) => BeginRefund::ExceedsCaptured { available },
        None => begin_refund(connection, tenant, &new(amount)).await?,
    };
    let begun = match begun {
        // Refunds that are not proven yet, made at the gateway, take all that is left. If they fail, this money is owed.
        BeginRefund::ExceedsCaptured { available } if available.amount_minor == 0 => {
            return Err(ReversingError::RefundInProgress(order_id));
        }
        BeginRefund::ExceedsCaptured { available } => {
            check_amount(context, available)?;
            begin_refund(connection, tenant, &new(available)).await?
        }
        begun => begun,
    };
    let BeginRefund::Begun(refund) = begun else {
        return Err(ReversingError::NotRefundable {
            order_id,
            status: OrderStatus::Paid,
        });
    };
    if refund.amount == amount {
        credits::insert(connection, tenant, order_id, refund.id, credits, actor).await?;
    }
    Ok(Some(refund))
}

fn refuse_rejected(details: &OrderDetails, id: RefundId) -> Result<(), ReversingError> {
    let mut refunds = details.refunds.iter();
    let rejected = refunds.find(|it| it.id == id && it.state == RefundState::Failed);
    let Some(refund) = rejected else {
        return Ok(());
    };
    let code = refund.failure_code.clone();
    Err(ReversingError::RefundRefused {
        order_id: refund.order_id,
        status: details.order.status,
        refund_id: id,
        code: code.unwrap_or_else(|| RefundFailure::new("")),
    })
}

fn answer(details: OrderDetails) -> Cancellation {
    match details.order.status {
        status @ OrderStatus::Refunding => Cancellation::InProgress(PendingOrder {
            order_id: details.order.id,
            status,
            payment: None,
        }),
        _ => Cancellation::Done(Box::new(details)),
    }
}
