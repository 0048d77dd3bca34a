//! Cancels what of an order is not shipped, when a part of it is: refunds the money for it, and then releases its
//! stock. What was shipped stays shipped and paid.
//!
//! Run it in a task that is never cancelled, so that a client that disconnects does not change the outcome.

use std::sync::Arc;

use oms_database::{Connection, boxed};
use oms_fulfilment::{find_fulfilments, freeze_unsent};
use oms_payments::{
    BeginRefund, NewRefund, Refund, RefundEnd, RefundFailure, RefundId, RefundState, begin_refund,
    find_refunds,
};
use oms_validation::{IdempotencyKey, Keyed, Money, Once, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::domain::credit::CreditPart;
use crate::domain::goods_of_lines::GoodsOfLines;
use crate::domain::ledger::counted;
use crate::domain::placed_order::PendingOrder;
use crate::domain::reason::Reason;
use crate::domain::refund_plan::plan_units;
use crate::domain::status::OrderStatus;
use crate::error::{OrderError, ReversingError};
use crate::service::reading::get_order::{OrderDetails, get_order};
use crate::service::reversing::cancel_order::{self, Begun, Cancellation, finish};
use crate::service::reversing::go_on_refunding::go_on;
use crate::service::reversing::look_before::look_before;
use crate::service::reversing::pay_out_returns::start_waiting_payout;
use crate::service::reversing::refund_order::check_amount;
use crate::service::reversing::refuse_disputed::refuse_disputed;
use crate::service::reversing::started_refund::StartedRefund;
use crate::service::transitions::claim_key::{claim_key_for, was_done};
use crate::service::transitions::credit_returns::credit_returns;
use crate::service::transitions::happenings::write_happenings;
use crate::service::transitions::patience::Patience;
use crate::service::transitions::settle_frozen::settle_frozen;
use crate::service::transitions::unpaid_returns::{Unpaid, find_unpaid};
use crate::store::credits::GrantedFor;
use crate::store::{clock, credits, orders};

/// The progress of a cancellation.
enum Cancelling {
    /// An earlier request with the key has this refund, if it needed one.
    Before(Option<RefundId>),
    /// Nothing was shipped, so the whole order is being cancelled.
    Whole(Begun),
    /// Its money is being refunded.
    Refunding(Box<StartedRefund>),
    /// The units cost nothing that is not refunded. Shipping may be due to returns now, with a refund of its own.
    Done(Option<Box<StartedRefund>>),
}

/// Cancels what is not shipped in the name of `actor`. An order of which nothing was shipped is cancelled as a whole.
/// Packed shipments are cancelled. Units are kept from being shipped until their money is refunded; if the refund is
/// rejected, they may be shipped again. A repeated key gets the answer of its own refund, whatever happened to the order
/// since.
///
/// # Errors
/// Those of [`cancel_order`](super::cancel_order::cancel_order); `NothingUnshipped` if everything was shipped or is
/// cancelled; `RefundRefused` if the bank or the gateway rejects the refund.
#[boxed]
pub async fn cancel_unshipped(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    order_id: OrderId,
    key: Option<&IdempotencyKey>,
    reason: Option<&Reason>,
    actor: &str,
) -> Result<Once<Cancellation>, ReversingError> {
    let request = (order_id, reason.map(Reason::as_str));
    let keyed = key.map(|key| Keyed::new(key, "cancel unshipped v1", &request));
    let refund_id = RefundId::generate();
    let mut connection = context.database.acquire().await?;
    let is_repeated = was_done(&mut connection, tenant, keyed.as_ref()).await?;
    drop(connection);
    if !is_repeated {
        look_before(context, tenant, order_id).await?;
    }
    let mut patience = Patience::new(context, tenant, order_id.as_uuid());
    let begun = loop {
        let tried = patience.attempt(async |connection| {
            let result = Some(refund_id.as_uuid());
            let earlier = claim_key_for(connection, tenant, keyed.as_ref(), result).await?;
            if let Some(earlier) = earlier {
                let made = earlier.result_id.map(RefundId::from);
                return Ok(Cancelling::Before(made));
            }
            let wanted = Wanted {
                order_id,
                refund_id,
                reason,
                actor,
            };
            begin(context, connection, tenant, &wanted).await
        });
        if let Some(begun) = tried.await {
            break begun;
        }
    };
    let (is_new, made) = match begun? {
        Cancelling::Whole(begun) => {
            let cancellation = finish(context, tenant, order_id, &begun, actor).await?;
            return Ok(Once::Now(cancellation));
        }
        Cancelling::Refunding(started) => {
            oms_failpoints::reached("orders.unshipped_refunding");
            go_on(context, tenant, &started, actor).await;
            (true, Some(refund_id))
        }
        Cancelling::Done(of_returns) => {
            if let Some(started) = of_returns {
                go_on(context, tenant, &started, actor).await;
            }
            (true, None)
        }
        Cancelling::Before(made) => (false, made),
    };
    let details = get_order(context, tenant, order_id).await;
    let answer = answer(details.map_err(OrderError::after_commit)?, made)?;
    Ok(match is_new {
        true => Once::Now(answer),
        false => Once::Before(answer),
    })
}

/// What a request cancels.
struct Wanted<'a> {
    order_id: OrderId,
    /// The ID of the refund, if one is needed.
    refund_id: RefundId,
    reason: Option<&'a Reason>,
    actor: &'a str,
}

async fn begin(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    wanted: &Wanted<'_>,
) -> Result<Cancelling, ReversingError> {
    let &Wanted {
        order_id,
        reason,
        actor,
        ..
    } = wanted;
    let status = orders::lock_status(connection, tenant, order_id).await?;
    let status = status.ok_or(OrderError::NotFound)?;
    let now = context.now();
    let mut found = find_fulfilments(connection, tenant, now, &[order_id]).await?;
    let found = found.remove(&order_id).unwrap_or_default();
    if found.shipped() == 0 {
        let begun = cancel_order::begin(context, connection, tenant, order_id, reason, actor);
        return Ok(Cancelling::Whole(begun.await?));
    }
    match status {
        OrderStatus::Paid => {}
        OrderStatus::Refunding => return Err(ReversingError::RefundInProgress(order_id)),
        status => return Err(ReversingError::NotCancellable { order_id, status }),
    }
    refuse_disputed(connection, tenant, order_id, status).await?;
    let orders = &found.fulfilment_orders;
    if orders.iter().all(|order| order.outstanding() == 0) {
        return Err(ReversingError::NothingUnshipped { order_id, status });
    }
    let mut goods = GoodsOfLines::of(&found);
    let why = reason.map_or("what is not shipped is cancelled", Reason::as_str);
    let frozen = freeze_unsent(connection, tenant, now, order_id, why).await?;
    let happened = frozen.happened();
    write_happenings(connection, tenant, now, order_id, &happened, actor).await?;
    for (line, units) in frozen.frozen() {
        goods.line_mut(line).frozen = units;
    }
    let credits = plan_credits(context, connection, tenant, order_id, &goods).await?;
    let Some(refund) = start_refund(context, connection, tenant, wanted, &credits).await? else {
        let end = RefundEnd::Refunded;
        settle_frozen(connection, tenant, now, order_id, &end, actor).await?;
        credit_returns(context, connection, tenant, order_id, actor).await?;
        let started = start_waiting_payout(context, connection, tenant, order_id, actor).await?;
        return Ok(Cancelling::Done(started.map(Box::new)));
    };
    let authorship = Authorship {
        actor,
        reason: reason.map_or("refund requested", Reason::as_str),
    };
    let started = StartedRefund::mark(context, connection, tenant, refund, authorship).await?;
    Ok(Cancelling::Refunding(Box::new(started)))
}

/// What is refunded for the units: credits, and their sum, which the gateway can express.
async fn plan_credits(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    goods: &GoodsOfLines,
) -> Result<(Vec<(CreditPart, i64)>, Money), ReversingError> {
    let order = orders::find(connection, tenant, order_id).await?;
    let order = order.ok_or(OrderError::NotFound)?;
    let mut refunds = find_refunds(connection, tenant, &[order_id]).await?;
    let refunds = refunds.remove(&order_id).unwrap_or_default();
    let counted = counted(&order.credits, &refunds);
    let step = context.gateway.step(order.total.currency);
    Ok(plan_units(&order, &counted, goods, step))
}

/// Starts the refund of the credits. If less is left of the payment, it is the refund of that amount and of no
/// particular part. Returns `None` if there is nothing to refund.
async fn start_refund(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    wanted: &Wanted<'_>,
    (credits, amount): &(Vec<(CreditPart, i64)>, Money),
) -> Result<Option<Refund>, ReversingError> {
    if amount.amount_minor == 0 {
        return Ok(None);
    }
    let (order_id, gateway) = (wanted.order_id, context.gateway.as_ref());
    let new = |amount| NewRefund {
        id: wanted.refund_id,
        order_id,
        amount: Some(amount),
        idempotency_key: None,
        reason: wanted.reason.map(|reason| reason.as_str().to_owned()),
        requested_by: wanted.actor.to_owned(),
    };
    check_amount(context, *amount)?;
    let unpaid = find_unpaid(connection, tenant, order_id).await?;
    let step = gateway.step(amount.currency);
    let besides = unpaid.as_ref().map(|unpaid| Money {
        amount_minor: step.floor(unpaid.besides_all()),
        ..*amount
    });
    // All that is left belongs to returns, so that nothing is owed for the units.
    let is_of_returns = |unpaid: &Unpaid| unpaid.pending_minor == 0;
    if besides.is_some_and(|besides| besides.amount_minor == 0)
        && unpaid.as_ref().is_some_and(is_of_returns)
    {
        return Ok(None);
    }
    let begun = match besides.filter(|besides| besides.amount_minor < amount.amount_minor) {
        Some(available) => BeginRefund::ExceedsCaptured { available },
        None => begin_refund(connection, gateway, tenant, &new(*amount)).await?,
    };
    let begun = match begun {
        // Refunds that are not proven yet, made at the gateway, take all that is left. If they fail, this money is owed.
        BeginRefund::ExceedsCaptured { available } if available.amount_minor == 0 => {
            return Err(ReversingError::RefundInProgress(order_id));
        }
        BeginRefund::ExceedsCaptured { available } => {
            check_amount(context, available)?;
            begin_refund(connection, gateway, tenant, &new(available)).await?
        }
        begun => begun,
    };
    let BeginRefund::Begun(refund) = begun else {
        return Err(ReversingError::NotRefundable {
            order_id,
            status: OrderStatus::Paid,
        });
    };
    if refund.amount == *amount {
        let granted = (order_id, clock::read_exactly(connection).await?);
        let granted_for = GrantedFor::Request(Some(refund.id));
        let actor = wanted.actor;
        credits::insert(connection, tenant, granted, granted_for, credits, actor).await?;
    }
    Ok(Some(refund))
}

/// The answer of a request that has made this refund, if it needed one.
fn answer(details: OrderDetails, made: Option<RefundId>) -> Result<Cancellation, ReversingError> {
    let status = details.order.status;
    let mut refunds = details.refunds.iter();
    let refund = refunds.find(|refund| Some(refund.id) == made);
    let is_in_progress = match refund {
        Some(refund) if refund.state == RefundState::Failed => {
            let code = refund.failure_code.clone();
            return Err(ReversingError::RefundRefused {
                order_id: details.order.id,
                status,
                refund_id: refund.id,
                code: code.unwrap_or_else(|| RefundFailure::new("")),
            });
        }
        Some(refund) => refund.state != RefundState::Refunded,
        // The whole order was cancelled, or nothing was to be refunded.
        None => status == OrderStatus::Cancelling,
    };
    Ok(match is_in_progress {
        true => Cancellation::InProgress(PendingOrder {
            order_id: details.order.id,
            status,
            payment: None,
        }),
        false => Cancellation::Done(Box::new(details)),
    })
}
