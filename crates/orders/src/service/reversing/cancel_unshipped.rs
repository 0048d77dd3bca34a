//! Cancels what of an order is not shipped, when a part of it is: refunds the money for it, and then releases its
//! stock. What was shipped stays shipped and paid.
//!
//! Run it in a task that is never cancelled, so that a client that disconnects does not change the outcome.

use std::collections::BTreeMap;
use std::sync::Arc;

use oms_database::Connection;
use oms_fulfilment::{find_fulfilments, freeze_unsent};
use oms_payments::{
    Attempt, BeginRefund, NewRefund, Refund, RefundFailure, RefundId, RefundState, begin_refund,
    find_payment,
};
use oms_validation::{IdempotencyKey, Keyed, Money, Once, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::order::Order;
use crate::domain::placed_order::PendingOrder;
use crate::domain::reason::Reason;
use crate::domain::refund::{Disputed, RequestedRefund};
use crate::domain::status::OrderStatus;
use crate::error::{OrderError, ReversingError};
use crate::service::reading::get_order::{OrderDetails, get_order};
use crate::service::reversing::cancel_order::{Cancellation, cancel_order};
use crate::service::reversing::refund_order::{go_on, write};
use crate::service::reversing::refuse_disputed::refuse_disputed;
use crate::service::transitions::claim_key::claim_key;
use crate::service::transitions::patience::Patience;
use crate::store::orders;
use crate::store::reconciliations::Claim;

/// A cancellation that this request has started.
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
                return Ok(Once::Before(None));
            }
            let begun = begin(context, connection, tenant, order_id, reason, actor).await?;
            Ok::<_, ReversingError>(Once::Now(Some(begun)))
        });
        if let Some(begun) = tried.await {
            break begun;
        }
    };
    let begun = begun?;
    let Once::Now(Some(Begun {
        attempt,
        refund,
        claim,
    })) = begun
    else {
        let details = get_order(context, tenant, order_id).await;
        return Ok(Once::Before(answer(
            details.map_err(OrderError::after_commit)?,
        )));
    };
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
) -> Result<Begun, ReversingError> {
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
    let why = reason.map_or("what is not shipped is cancelled", Reason::as_str);
    let frozen = freeze_unsent(connection, tenant, now, order_id, why).await?;
    let order = orders::find(connection, tenant, order_id).await?;
    let order = order.ok_or(OrderError::NotFound)?;
    let amount = amount_of(&order, &frozen);
    let refund = start_refund(connection, tenant, (order_id, amount), reason, actor).await?;
    let request = RequestedRefund {
        amount: None,
        reason: reason.cloned(),
        disputed: Disputed::Refuse,
    };
    let claim = write(context, connection, tenant, order_id, &request, actor).await?;
    let attempt = find_payment(connection, tenant, order_id).await?;
    let attempt = attempt.expect("a refund that was started has its attempt");
    Ok(Begun {
        attempt,
        refund,
        claim,
    })
}

/// The price of units.
fn amount_of(order: &Order, units: &BTreeMap<i32, i32>) -> Money {
    let lines = (1_i32..).zip(&order.lines);
    let prices = lines.map(|(number, line)| {
        let units = units.get(&number).copied().unwrap_or_default();
        line.unit_price.amount_minor * i64::from(units)
    });
    Money {
        amount_minor: prices.sum(),
        currency: order.total.currency,
    }
}

/// Starts the refund of an amount, or of what is left if that is less.
async fn start_refund(
    connection: &mut Connection,
    tenant: TenantId,
    (order_id, amount): (OrderId, Money),
    reason: Option<&Reason>,
    actor: &str,
) -> Result<Refund, ReversingError> {
    let new = |amount| NewRefund {
        id: RefundId::generate(),
        order_id,
        amount: Some(amount),
        idempotency_key: None,
        reason: reason.map(|reason| reason.as_str().to_owned()),
        requested_by: actor.to_owned(),
    };
    let mut begun = begin_refund(connection, tenant, &new(amount)).await?;
    if let BeginRefund::ExceedsCaptured { available } = &begun
        && available.amount_minor > 0
    {
        begun = begin_refund(connection, tenant, &new(*available)).await?;
    }
    match begun {
        BeginRefund::Begun(refund) => Ok(refund),
        BeginRefund::KeyTaken(_)
        | BeginRefund::ExceedsCaptured { .. }
        | BeginRefund::NotRefundable => Err(ReversingError::NotRefundable {
            order_id,
            status: OrderStatus::Paid,
        }),
    }
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
