//! Refunds some or all of an order's money, once for each idempotency key.
//!
//! Run it in a task that is never cancelled, so that a client that disconnects does not change the outcome.

use oms_database::{Connection, boxed};
use oms_payments::{
    BeginRefund, NewRefund, Refund, RefundFailure, RefundId, RefundState, begin_refund,
    find_refund_by_key, find_refunds,
};
use oms_validation::{IdempotencyKey, Money, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::domain::credit::{Credit, CreditPart};
use crate::domain::ledger::counted;
use crate::domain::reason::Reason;
use crate::domain::refund::{Disputed, Refunded, RequestedRefund};
use crate::domain::refund_plan::{RequestedParts, plan};
use crate::domain::status::OrderStatus;
use crate::error::{OrderError, ReversingError};
use crate::service::reversing::go_on_refunding::go_on;
use crate::service::reversing::look_before::look_before;
use crate::service::reversing::refuse_disputed::refuse_disputed;
use crate::service::reversing::started_refund::StartedRefund;
use crate::service::transitions::patience::Patience;
use crate::service::transitions::unpaid_returns::{Unpaid, find_unpaid, pay_out};
use crate::store::credits::GrantedFor;
use crate::store::{clock, credits, orders};

/// A refund that has not failed, and the status of its order.
#[derive(Debug)]
pub enum RefundedOrder {
    /// Made by this request.
    Refunded(Refund, OrderStatus),
    /// Made by an earlier request.
    RefundedBefore(Refund, OrderStatus),
    /// Started, now or by an earlier request, with an unknown outcome. The sweeper continues.
    Pending(Refund, OrderStatus),
}

/// What the first transaction found or started.
enum Begun {
    /// The key stands for this refund.
    Before(Box<Refund>, OrderStatus),
    /// This request started the refund.
    Now(Box<StartedRefund>),
}

/// Refunds a paid order in the name of `actor`, or answers for the refund that the key already stands for.
///
/// # Errors
/// `NotFound` if the tenant has no such order; `KeyReused` if the key belongs to another refund; `NotRefundable`,
/// `PaymentDisputed`, `RefundInProgress`, `RefundExceedsCaptured`, `RefundCurrency` and `AmountNotAccepted`, which change
/// nothing;
/// `RefundRefused` if the gateway rejects the refund; `Contended` if the order stays locked; `OutcomeUnknown` and the
/// like if the database fails.
#[boxed]
pub async fn refund_order(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    key: &IdempotencyKey,
    request: &RequestedRefund,
    actor: &str,
) -> Result<RefundedOrder, ReversingError> {
    if let Refunded::Amount(amount) = request.what {
        check_amount(context, amount)?;
    }
    let mut connection = context.database.acquire().await?;
    let earlier = find_refund_by_key(&mut connection, tenant, key).await?;
    drop(connection);
    if earlier.is_none() {
        look_before(context, tenant, order_id).await?;
    }
    let mut patience = Patience::new(context, tenant, order_id.as_uuid());
    let begun = loop {
        let tried = patience.attempt(async |connection| {
            begin(context, connection, tenant, order_id, key, request, actor).await
        });
        if let Some(begun) = tried.await {
            break begun;
        }
    };
    let started = match begun? {
        Begun::Before(refund, status) => return replayed(*refund, status),
        Begun::Now(started) => started,
    };
    oms_failpoints::reached("orders.refunding");
    let pending = go_on(context, tenant, &started, actor).await;
    match read(context, tenant, key, order_id).await {
        Ok(Some((refund, status))) => stored(refund, status),
        // Started by this request; its progress is unknown.
        Ok(None) | Err(_) if pending => {
            let (refund, status) = (started.refund, OrderStatus::Refunding);
            Ok(RefundedOrder::Pending(refund, status))
        }
        Ok(None) => Err(OrderError::OutcomeUnknown.into()),
        Err(error) => Err(error.after_commit().into()),
    }
}

pub(super) fn check_amount(context: &OrderContext, amount: Money) -> Result<(), ReversingError> {
    let checked = context.gateway.check_amount(amount);
    checked.map_err(ReversingError::AmountNotAccepted)
}

/// Looks the key up under the lock of the order, so that the second of two requests with one key finds what the first
/// did.
async fn begin(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    key: &IdempotencyKey,
    request: &RequestedRefund,
    actor: &str,
) -> Result<Begun, ReversingError> {
    let status = orders::lock_status(connection, tenant, order_id).await?;
    let status = status.ok_or(OrderError::NotFound)?;
    if let Some(refund) = find_refund_by_key(connection, tenant, key).await? {
        let credits = credits_of(connection, tenant, order_id, &refund).await?;
        let step = context.gateway.step(refund.amount.currency);
        return match request.made(order_id, &refund, &credits, step) {
            true => Ok(Begun::Before(Box::new(refund), status)),
            false => Err(OrderError::KeyReused.into()),
        };
    }
    match status {
        OrderStatus::Paid => {}
        OrderStatus::Refunding => return Err(ReversingError::RefundInProgress(order_id)),
        status => return Err(ReversingError::NotRefundable { order_id, status }),
    }
    if request.disputed == Disputed::Refuse {
        refuse_disputed(connection, tenant, order_id, status).await?;
    }
    let unpaid = find_unpaid(connection, tenant, order_id).await?;
    let (amount, parts) = match &request.what {
        Refunded::Rest => (None, Vec::new()),
        Refunded::Amount(amount) => (Some(*amount), Vec::new()),
        Refunded::Parts(parts) => {
            let (credits, sum) = plan_parts(context, connection, tenant, order_id, parts).await?;
            check_amount(context, sum)?;
            (Some(sum), credits)
        }
    };
    if let (Some(amount), Some(unpaid)) = (amount, &unpaid) {
        refuse_unpaid(&request.what, amount, unpaid)?;
    }
    let new = NewRefund {
        id: RefundId::generate(),
        order_id,
        amount,
        idempotency_key: Some(key.clone()),
        reason: request.reason.as_ref().map(|it| it.as_str().to_owned()),
        requested_by: actor.to_owned(),
    };
    let refund = begin_payment(context, connection, tenant, new).await?;
    if let Some(unpaid) = &unpaid {
        // An amount takes over what a refund failed to pay out, so that it is not paid twice. What waits is refunded on
        // its own, unless nothing is left for it.
        let credits = match request.what {
            Refunded::Rest => unpaid.all(),
            Refunded::Amount(_) => unpaid.failed.clone(),
            Refunded::Parts(_) => Vec::new(),
        };
        let paid = (refund.id, refund.amount.amount_minor);
        pay_out(connection, tenant, order_id, &credits, paid).await?;
    }
    let granted = (order_id, clock::read_exactly(connection).await?);
    let granted_for = GrantedFor::Request(Some(refund.id));
    credits::insert(connection, tenant, granted, granted_for, &parts, actor).await?;
    let reason = request.reason.as_ref();
    let authorship = Authorship {
        actor,
        reason: reason.map_or("refund requested", Reason::as_str),
    };
    let started = StartedRefund::mark(context, connection, tenant, refund, authorship).await?;
    Ok(Begun::Now(Box::new(started)))
}

/// Refuses to refund money that returns are credited.
fn refuse_unpaid(what: &Refunded, amount: Money, unpaid: &Unpaid) -> Result<(), ReversingError> {
    let available = Money {
        amount_minor: match what {
            Refunded::Parts(_) => unpaid.besides_all(),
            Refunded::Amount(_) | Refunded::Rest => unpaid.besides_waiting(),
        },
        ..amount
    };
    match amount.amount_minor > available.amount_minor {
        true => Err(ReversingError::RefundExceedsCaptured { available }),
        false => Ok(()),
    }
}

/// The credits of a refund of this order.
async fn credits_of(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    refund: &Refund,
) -> Result<Vec<Credit>, OrderError> {
    let mut found = credits::find(tenant, &[order_id]).run(connection).await?;
    let mut credits = found.remove(&order_id).unwrap_or_default();
    credits.retain(|credit| credit.refund_id == Some(refund.id));
    Ok(credits)
}

/// The credits of the requested parts, and their sum. The order is locked.
async fn plan_parts(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    parts: &RequestedParts,
) -> Result<(Vec<(CreditPart, i64)>, Money), ReversingError> {
    let order = orders::find(connection, tenant, order_id).await?;
    let order = order.ok_or(OrderError::NotFound)?;
    let mut refunds = find_refunds(connection, tenant, &[order_id]).await?;
    let refunds = refunds.remove(&order_id).unwrap_or_default();
    let counted = counted(&order.credits, &refunds);
    let step = context.gateway.step(order.total.currency);
    plan(&order, &counted, parts, step)
        .map_err(|invalid| ReversingError::InvalidParts(order_id, invalid))
}

async fn begin_payment(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    new: NewRefund,
) -> Result<Refund, ReversingError> {
    let (gateway, order_id) = (context.gateway.as_ref(), new.order_id);
    match begin_refund(connection, gateway, tenant, &new).await? {
        BeginRefund::Begun(refund) => Ok(refund),
        // A refund of another order: those of this order were searched under its lock.
        BeginRefund::KeyTaken(_) => Err(OrderError::KeyReused.into()),
        BeginRefund::ExceedsCaptured { available } => Err(match new.amount {
            Some(amount) if amount.currency != available.currency => {
                ReversingError::RefundCurrency(available.currency)
            }
            _ => ReversingError::RefundExceedsCaptured { available },
        }),
        BeginRefund::NotRefundable => Err(ReversingError::NotRefundable {
            order_id,
            status: OrderStatus::Paid,
        }),
    }
}

/// The answer of a refund that an earlier request made, in its current state.
pub(crate) fn replayed(
    refund: Refund,
    status: OrderStatus,
) -> Result<RefundedOrder, ReversingError> {
    Ok(match stored(refund, status)? {
        RefundedOrder::Refunded(refund, status) => RefundedOrder::RefundedBefore(refund, status),
        other => other,
    })
}

/// The answer of a refund in its current state.
pub(crate) fn stored(refund: Refund, status: OrderStatus) -> Result<RefundedOrder, ReversingError> {
    match refund.state {
        RefundState::Refunded => Ok(RefundedOrder::Refunded(refund, status)),
        RefundState::Pending | RefundState::Other(_) => Ok(RefundedOrder::Pending(refund, status)),
        RefundState::Failed => Err(ReversingError::RefundRefused {
            order_id: refund.order_id,
            status,
            refund_id: refund.id,
            code: refund
                .failure_code
                .unwrap_or_else(|| RefundFailure::new("")),
        }),
    }
}

async fn read(
    context: &OrderContext,
    tenant: TenantId,
    key: &IdempotencyKey,
    order_id: OrderId,
) -> Result<Option<(Refund, OrderStatus)>, OrderError> {
    let mut connection = context.database.acquire().await?;
    let refund = find_refund_by_key(&mut connection, tenant, key).await?;
    let order = orders::find(&mut connection, tenant, order_id).await?;
    Ok(refund.zip(order.map(|order| order.status)))
}
