//! Mirroring a gateway's list of refunds, including those made elsewhere, in the transaction that also moves the order.

use oms_database::Connection;
use oms_validation::{Money, TenantId};

use crate::domain::mirroring::{Mirroring, Moved, is_in_flight, sum};
use crate::store::{attempts, refunds};
use crate::{
    AmountStep, Attempt, AttemptId, AttemptState, ListedRefund, PaymentError, PaymentGateway,
    Refund, RefundId, RefundState, UnsavedCalls,
};

/// What the gateway's list changed in our books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirrored {
    /// Refunds that were made elsewhere and are booked now.
    pub booked: Vec<Refund>,
    /// Refunds whose state changed, in their new state.
    pub moved: Vec<Refund>,
    /// Those of `moved` that were done and have failed since: the money is back with the merchant, and still owed to the
    /// customer. A dispute that was won is none of them.
    pub returned: Vec<RefundId>,
    /// A refund was not booked yet, because together with our refund in flight it would exceed what was captured. Look
    /// again when ours has ended.
    pub deferred: bool,
    /// What is neither refunded nor pending, rounded down to what the gateway can express.
    pub left: Money,
    /// The attempt's new state.
    pub attempt: AttemptState,
}

impl Mirrored {
    /// Whether anything changed.
    pub const fn is_news(&self) -> bool {
        !self.booked.is_empty() || !self.moved.is_empty()
    }
}

/// Updates our refunds of a payment from the gateway's list, which has the newest first. `None` for an attempt without
/// captured money. The attempt stays locked until the caller's transaction ends.
///
/// The list must be at least as new as our books: ensure that the order has not changed since before you requested the
/// list.
///
/// # Errors
/// When the database does not answer.
pub async fn mirror_refunds(
    connection: &mut Connection,
    gateway: &dyn PaymentGateway,
    tenant_id: TenantId,
    attempt_id: AttemptId,
    listed: &[ListedRefund],
) -> Result<Option<Mirrored>, PaymentError> {
    let attempt = attempts::lock(connection, tenant_id, attempt_id).await?;
    let Some(attempt) = attempt else {
        return Ok(None);
    };
    let Some(captured) = attempt.captured else {
        return Ok(None);
    };
    let before = refunds_of(connection, tenant_id, &attempt).await?;
    let mirroring = Mirroring::of(captured, &before, listed);
    let moved = apply_moved(connection, tenant_id, &mirroring.moved, listed).await?;
    let booked = book(connection, tenant_id, &attempt, captured, &mirroring.new).await?;
    let refunds = refunds_of(connection, tenant_id, &attempt).await?;
    let step = gateway.step(captured.currency);
    let to = state_after(captured, &refunds, step);
    move_attempt(connection, tenant_id, &attempt, to).await?;
    let left = step.floor(captured.amount_minor - sum(&refunds));
    let returned = mirroring.moved.iter().filter(|moved| moved.is_returned());
    let returned: Vec<RefundId> = returned.map(|moved| moved.refund.id).collect();
    Ok(Some(Mirrored {
        booked,
        returned: moved
            .iter()
            .map(|it| it.id)
            .filter(|id| returned.contains(id))
            .collect(),
        moved,
        deferred: mirroring.deferred,
        left: Money {
            amount_minor: left,
            ..captured
        },
        attempt: to,
    }))
}

async fn apply_moved(
    connection: &mut Connection,
    tenant_id: TenantId,
    moved: &[Moved],
    listed: &[ListedRefund],
) -> Result<Vec<Refund>, PaymentError> {
    let mut changed = Vec::new();
    for Moved {
        refund,
        to,
        failure,
    } in moved
    {
        let same = |it: &&ListedRefund| {
            it.refund_id == Some(refund.id) || Some(&it.reference) == refund.reference.as_ref()
        };
        let Some(named) = listed.iter().find(same) else {
            continue;
        };
        let (name, failure) = (&named.reference, failure.as_ref());
        if refunds::move_refund(connection, tenant_id, refund, *to, failure, name).await? {
            changed.push(Refund {
                state: *to,
                failure_code: failure.cloned(),
                reference: Some(name.clone()),
                ..refund.clone()
            });
        }
    }
    Ok(changed)
}

async fn book(
    connection: &mut Connection,
    tenant_id: TenantId,
    attempt: &Attempt,
    captured: Money,
    new: &[ListedRefund],
) -> Result<Vec<Refund>, PaymentError> {
    let mut booked = Vec::new();
    for listed in new {
        let (order_id, id) = (attempt.order_id, attempt.id);
        let tally = refunds::count(connection, tenant_id, order_id, id).await?;
        let number = tally.last_number + 1;
        let left = captured.amount_minor - tally.refunded_minor - listed.amount.amount_minor;
        let row =
            refunds::insert_listed(connection, tenant_id, attempt, listed, number, left.max(0));
        booked.extend(row.await?);
    }
    Ok(booked)
}

async fn move_attempt(
    connection: &mut Connection,
    tenant_id: TenantId,
    attempt: &Attempt,
    to: AttemptState,
) -> Result<(), PaymentError> {
    if attempt.state != to {
        let (id, from, none) = (attempt.id, &[attempt.state], UnsavedCalls::none());
        attempts::move_attempt(connection, tenant_id, id, from, to, &none).await?;
    }
    Ok(())
}

/// Returns the refunds of one attempt, oldest first.
pub(super) async fn refunds_of(
    connection: &mut Connection,
    tenant_id: TenantId,
    attempt: &Attempt,
) -> Result<Vec<Refund>, PaymentError> {
    let mut found = refunds::find_by_orders(connection, tenant_id, &[attempt.order_id]).await?;
    let mut refunds = found.remove(&attempt.order_id).unwrap_or_default();
    refunds.retain(|refund| refund.attempt_id == attempt.id);
    Ok(refunds)
}

/// Returns the state of an attempt that has these refunds.
pub(super) fn state_after(captured: Money, refunds: &[Refund], step: AmountStep) -> AttemptState {
    let is_pending = |refund: &Refund| refund.state == RefundState::Pending;
    if refunds.iter().any(is_in_flight) {
        AttemptState::Refunding
    } else if step.is_nothing(captured.amount_minor - sum(refunds))
        && !refunds.iter().any(is_pending)
    {
        AttemptState::Refunded
    } else {
        AttemptState::Paid
    }
}
