//! Refunds some or all of an order's money, once for each idempotency key.
//!
//! Run it in a task that is never cancelled, so that a client that disconnects does not change the outcome.

use oms_database::Connection;
use oms_payments::{
    Attempt, AttemptState, BeginRefund, NewRefund, Refund, RefundFailure, RefundId, RefundState,
    begin_refund, find_payment, find_refund_by_key, find_refunds,
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
use crate::service::reversing::advance_refunding::refund_at_gateway;
use crate::service::reversing::mark_refunding::mark_refunding;
use crate::service::reversing::refuse_disputed::{reach_of, refuse_disputed};
use crate::service::reversing::unpaid_returns::{Due, Unpaid, find_unpaid};
use crate::service::transitions::advance::Advance;
use crate::service::transitions::dead_letter_order::dead_letter_order;
use crate::service::transitions::follow_gateway::try_to_follow;
use crate::service::transitions::patience::Patience;
use crate::store::reconciliations::Claim;
use crate::store::{credits, orders, return_credits};

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
    Before(Refund, OrderStatus),
    /// This request started the refund.
    Now(Box<Attempt>, Refund, Claim),
}

/// Refunds a paid order in the name of `actor`, or answers for the refund that the key already stands for.
///
/// # Errors
/// `NotFound` if the tenant has no such order; `KeyReused` if the key belongs to another refund; `NotRefundable`,
/// `PaymentDisputed`, `RefundInProgress`, `RefundExceedsCaptured`, `RefundCurrency` and `AmountNotAccepted`, which change
/// nothing;
/// `RefundRefused` if the gateway rejects the refund; `Contended` if the order stays locked; `OutcomeUnknown` and the
/// like if the database fails.
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
    look_before(context, tenant, order_id, key).await?;
    let mut patience = Patience::new(context, tenant, order_id.as_uuid());
    let begun = loop {
        let tried = patience.attempt(async |connection| {
            begin(context, connection, tenant, order_id, key, request, actor).await
        });
        if let Some(begun) = tried.await {
            break begun;
        }
    };
    let begun = begun?;
    let (attempt, refund, claim) = match begun {
        Begun::Before(refund, status) => {
            return match stored(refund, status)? {
                RefundedOrder::Refunded(refund, status) => {
                    Ok(RefundedOrder::RefundedBefore(refund, status))
                }
                other => Ok(other),
            };
        }
        Begun::Now(attempt, refund, claim) => (attempt, refund, claim),
    };
    oms_failpoints::reached("orders.refunding");
    let pending = match go_on(context, tenant, &attempt, &refund, &claim, actor).await {
        Ok(advance) => {
            tracing::info!(%order_id, refund_id = %refund.id, ?advance, "refunding an order");
            matches!(
                advance,
                Advance::Waiting | Advance::Refused | Advance::TryAgain { .. }
            )
        }
        Err(error) => {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(%order_id, cause, "a refund could not be finished; the sweeper will continue");
            false
        }
    };
    match read(context, tenant, key, order_id).await {
        Ok(Some((refund, status))) => stored(refund, status),
        // Started by this request; its progress is unknown.
        Ok(None) | Err(_) if pending => Ok(RefundedOrder::Pending(refund, OrderStatus::Refunding)),
        Ok(None) => Err(OrderError::OutcomeUnknown.into()),
        Err(error) => Err(error.after_commit().into()),
    }
}

pub(crate) async fn go_on(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
    refund: &Refund,
    claim: &Claim,
    actor: &str,
) -> Result<Advance, OrderError> {
    let advance = refund_at_gateway(context, tenant, attempt, refund, actor).await?;
    if let Advance::NeedsOperator { reason } = &advance {
        dead_letter_order(context, tenant, claim, reason, actor).await?;
    }
    Ok(advance)
}

pub(super) fn check_amount(context: &OrderContext, amount: Money) -> Result<(), ReversingError> {
    let checked = context.gateway.check_amount(amount);
    checked.map_err(ReversingError::AmountNotAccepted)
}

/// Reads the remaining amount at the gateway, because refunds made there don't reach us otherwise. If that fails, the
/// refund is requested anyway: the gateway refunds no more than it took.
async fn look_before(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    key: &IdempotencyKey,
) -> Result<(), OrderError> {
    let mut connection = context.database.acquire().await?;
    let is_repeated = find_refund_by_key(&mut connection, tenant, key)
        .await?
        .is_some();
    let attempt = find_payment(&mut connection, tenant, order_id).await?;
    let reach = reach_of(&mut connection, tenant, order_id).await?;
    drop(connection);
    let is_paid = |attempt: &Attempt| attempt.state == AttemptState::Paid;
    if let (false, Some(attempt)) = (is_repeated, attempt.filter(is_paid)) {
        try_to_follow(context, tenant, &attempt, reach).await;
    }
    Ok(())
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
            true => Ok(Begun::Before(refund, status)),
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
    let unpaid = find_unpaid(connection, tenant, order_id, Due::Unpaid).await?;
    let (amount, mut credits) = match &request.what {
        Refunded::Rest => (None, Vec::new()),
        Refunded::Amount(amount) => (Some(*amount), Vec::new()),
        Refunded::Parts(parts) => {
            let (credits, sum) = plan_parts(context, connection, tenant, order_id, parts).await?;
            check_amount(context, sum)?;
            (Some(sum), credits)
        }
    };
    if let (Some(amount), Some(unpaid)) = (amount, &unpaid) {
        refuse_unpaid(amount, unpaid)?;
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
    if let (Refunded::Rest, Some(unpaid)) = (&request.what, &unpaid) {
        // The rest of the payment pays out what returns are credited, too.
        let rest = refund.amount.amount_minor - unpaid.sum_minor;
        return_credits::pay_out(connection, tenant, order_id, &unpaid.ids, refund.id).await?;
        credits.extend((rest > 0).then_some((CreditPart::UNNAMED, rest)));
    }
    if !credits.is_empty() {
        credits::insert(
            connection,
            tenant,
            order_id,
            Some(refund.id),
            &credits,
            actor,
        )
        .await?;
    }
    let claim = write(context, connection, tenant, order_id, request, actor).await?;
    let attempt = find_payment(connection, tenant, order_id).await?;
    let attempt = attempt.expect("a refund that was started has its attempt");
    Ok(Begun::Now(Box::new(attempt), refund, claim))
}

/// Refuses to refund money that returns are credited.
fn refuse_unpaid(amount: Money, unpaid: &Unpaid) -> Result<(), ReversingError> {
    let available = Money {
        amount_minor: unpaid.besides_minor,
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

pub(super) async fn write(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    request: &RequestedRefund,
    actor: &str,
) -> Result<Claim, OrderError> {
    let reason = request.reason.as_ref();
    let authorship = Authorship {
        actor,
        reason: reason.map_or("refund requested", Reason::as_str),
    };
    mark_refunding(context, connection, tenant, order_id, authorship).await
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
