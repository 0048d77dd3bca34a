//! One step of a cancellation, for its request and for the sweeper: proves that no money was taken or can still be
//! taken, or refunds all that was. After an interruption, the next step continues from what is stored.

use std::ops::ControlFlow;

use oms_payments::{
    Attempt, AttemptState, BeginRefund, Closing, FencePolicy, LaterCause, NewRefund, Refund,
    RefundEnd, RefundFailure, RefundId, RefundResult, SettleOutcome, Settled, begin_refund,
    execute_refund, find_payment, find_pending_refund, finish_refund, save_calls, settle_payment,
};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::other_amount;
use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::service::reversing::refuse_disputed::reach_of;
use crate::service::transitions::abort::{Abort, unless_lost};
use crate::service::transitions::advance::Advance;
use crate::service::transitions::book_reported::Followed;
use crate::service::transitions::close_payment::close_payment;
use crate::service::transitions::end_cancelling::{NoMoney, end_cancelling};
use crate::service::transitions::follow_gateway::{Reach, try_to_follow};
use crate::service::transitions::patience::Patience;
use crate::service::transitions::proof::Proof;
use crate::store::reconciliations::{self, Claim};
use crate::store::{disputes, orders};

/// The reason stored with the refund.
const REASON: &str = "the order was cancelled";

/// A pending refund, and the attempt that it refunds.
type Begun = (Attempt, Refund);

/// The outcome of a step: the try ends with this advance, or continues with the value.
type Step<T> = ControlFlow<Advance, T>;

/// Maximum number of rounds of one try, if refunds keep being made at the gateway.
const ROUNDS: usize = 3;

/// Makes one try to cancel an order in `CANCELLING`.
pub(crate) async fn advance_cancelling(
    context: &OrderContext,
    tenant: TenantId,
    claim: &Claim,
    actor: &str,
) -> Result<Advance, OrderError> {
    for _ in 0..ROUNDS {
        if let Step::Break(advance) = go_round(context, tenant, claim, actor).await? {
            return Ok(advance);
        }
    }
    let reason = "its payment keeps changing at the gateway".to_owned();
    Ok(Advance::TryAgain { reason })
}

/// Runs one round. Continues with another if the gateway's books have changed ours, because another amount is left to
/// refund.
async fn go_round(
    context: &OrderContext,
    tenant: TenantId,
    claim: &Claim,
    actor: &str,
) -> Result<Step<()>, OrderError> {
    let order_id = claim.order_id;
    let mut connection = context.database.acquire().await?;
    // In this order: the attempt of a refund has the reference that the refund needs.
    let pending = find_pending_refund(&mut connection, tenant, order_id).await?;
    let attempt = find_payment(&mut connection, tenant, order_id).await?;
    drop(connection);
    let Some(attempt) = attempt else {
        return cancel_unpaid(context, tenant, order_id, actor).await;
    };
    let begun = match (pending, attempt.state) {
        (Some(refund), _) => (attempt, refund),
        (None, AttemptState::Other(_)) => return Ok(Step::Break(Advance::Refused)),
        (None, AttemptState::Paid) => {
            if let Some(round) = look_before(context, tenant, claim, &attempt).await? {
                return Ok(round);
            }
            match begin(context, tenant, order_id, None, actor).await? {
                Some(begun) => begun,
                None => return Ok(Step::Break(Advance::Superseded)),
            }
        }
        (None, state) if state.is_open() => {
            match fence(context, tenant, claim, &attempt, actor).await? {
                Step::Break(advance) => return Ok(Step::Break(advance)),
                Step::Continue(begun) => begun,
            }
        }
        (None, state) if state.is_dead() => {
            let no_money = NoMoney::AttemptIsDead;
            let ended = end_cancelling(context, tenant, order_id, &no_money, actor).await?;
            return Ok(Step::Break(cancelled(ended)));
        }
        // Another worker started its refund between our two reads.
        (None, _) => return Ok(Step::Break(Advance::Superseded)),
    };
    oms_failpoints::reached("orders.cancel_refund_begun");
    refund_at_gateway(context, tenant, begun, actor).await
}

/// Cancels an order without an attempt: nothing was to be paid.
async fn cancel_unpaid(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    actor: &str,
) -> Result<Step<()>, OrderError> {
    let mut connection = context.database.acquire().await?;
    let order = orders::find(&mut connection, tenant, order_id).await?;
    drop(connection);
    // Every order that is to be paid is committed with its attempt.
    if order.is_none_or(|order| order.total.amount_minor > 0) {
        let reason = "it has no payment attempt".to_owned();
        return Ok(Step::Break(Advance::TryAgain { reason }));
    }
    let no_money = NoMoney::NothingToPay;
    let ended = end_cancelling(context, tenant, order_id, &no_money, actor).await?;
    Ok(Step::Break(cancelled(ended)))
}

/// Brings our books up to date first, because refunds may have been made at the gateway. A disputed payment is left to
/// an operator.
async fn look_before(
    context: &OrderContext,
    tenant: TenantId,
    claim: &Claim,
    attempt: &Attempt,
) -> Result<Option<Step<()>>, OrderError> {
    let mut connection = context.database.acquire().await?;
    let reach = reach_of(&mut connection, tenant, claim.order_id).await?;
    drop(connection);
    if try_to_follow(context, tenant, attempt, reach).await == Followed::Changed {
        return Ok(Some(Step::Continue(())));
    }
    let mut connection = context.database.acquire().await?;
    let dispute = disputes::find_open(&mut connection, tenant, claim.order_id).await?;
    Ok(dispute.map(|dispute| {
        let reason = format!(
            "the payment is disputed ({}): retry when the dispute is closed",
            dispute.reference
        );
        Step::Break(Advance::NeedsOperator { reason })
    }))
}

fn cancelled(ended: bool) -> Advance {
    match ended {
        true => Advance::Cancelled,
        false => Advance::Superseded,
    }
}

/// Fences an open payment. If the fence came too late, closes the attempt as paid and continues with a refund.
async fn fence(
    context: &OrderContext,
    tenant: TenantId,
    claim: &Claim,
    attempt: &Attempt,
    actor: &str,
) -> Result<Step<Begun>, OrderError> {
    let (order_id, gateway) = (claim.order_id, context.gateway.as_ref());
    let policy = FencePolicy::CancelPending;
    let Settled { outcome, calls } =
        settle_payment(&context.database, gateway, tenant, attempt, policy, actor).await;
    oms_failpoints::reached("orders.cancel_settled");
    // The charged amount does not matter, because all of it is refunded.
    let Some(closing) = outcome.accept_charged_amount(attempt) else {
        return Ok(Step::Break(unsettled(context, claim, &outcome)));
    };
    let proof = Proof {
        attempt_id: attempt.id,
        closing,
        calls,
    };
    match proof.closing {
        Closing::Paid { .. } => {
            let begun = begin(context, tenant, order_id, Some(&proof), actor).await?;
            Ok(begun.map_or(Step::Break(Advance::Superseded), Step::Continue))
        }
        Closing::Declined(_) | Closing::Voided | Closing::NeverPrepared => {
            let no_money = NoMoney::NeverTaken(&proof);
            let ended = end_cancelling(context, tenant, order_id, &no_money, actor).await?;
            Ok(Step::Break(cancelled(ended)))
        }
    }
}

fn unsettled(context: &OrderContext, claim: &Claim, outcome: &SettleOutcome) -> Advance {
    match outcome {
        SettleOutcome::WrongAmount { charged } => Advance::NeedsOperator {
            reason: other_amount::in_words(*charged),
        },
        SettleOutcome::Later(LaterCause::Pending(_))
            if claim.age <= context.settings.pending_payment_deadline =>
        {
            Advance::Waiting
        }
        SettleOutcome::Later(cause) => Advance::of_later(cause),
        SettleOutcome::Superseded
        | SettleOutcome::Paid { .. }
        | SettleOutcome::Voided { .. }
        | SettleOutcome::NeverPrepared => Advance::Superseded,
    }
}

/// Starts a refund of all that is left, in one commit with the closing of an attempt that was still open. Returns
/// `None` if another request or worker was first.
async fn begin(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    taken: Option<&Proof>,
    actor: &str,
) -> Result<Option<Begun>, OrderError> {
    let begun = try_to_begin(context, tenant, order_id, taken, actor).await;
    if let (Some(proof), false) = (taken, matches!(begun, Ok(Some(_)))) {
        save_calls(&context.database, tenant, &proof.calls).await;
    }
    begun
}

async fn try_to_begin(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    taken: Option<&Proof>,
    actor: &str,
) -> Result<Option<Begun>, OrderError> {
    let new = NewRefund {
        id: RefundId::generate(),
        order_id,
        amount: None,
        idempotency_key: None,
        reason: Some(REASON.to_owned()),
        requested_by: actor.to_owned(),
    };
    let now = context.now();
    let mut patience = Patience::new(context, tenant, order_id.as_uuid());
    let begun = loop {
        let tried = patience.attempt(async |connection| {
            // Lock the order first, as everywhere.
            let status = orders::lock_status(connection, tenant, order_id).await?;
            if status != Some(OrderStatus::Cancelling) {
                return Err(Abort::LOST);
            }
            if let Some(proof) = taken {
                close_payment(context, connection, tenant, now, order_id, proof).await?;
                // The stock is now paid for.
                reconciliations::stop_counting(connection, tenant, order_id).await?;
            }
            let BeginRefund::Begun(refund) =
                begin_refund(connection, context.gateway.as_ref(), tenant, &new).await?
            else {
                return Err(Abort::LOST);
            };
            let attempt = find_payment(connection, tenant, order_id).await?;
            Ok::<_, Abort>((attempt.ok_or(Abort::LOST)?, refund))
        });
        if let Some(begun) = tried.await {
            break begun;
        }
    };
    unless_lost(begun)
}

async fn refund_at_gateway(
    context: &OrderContext,
    tenant: TenantId,
    (attempt, refund): Begun,
    actor: &str,
) -> Result<Step<()>, OrderError> {
    let gateway = context.gateway.as_ref();
    let result = execute_refund(&context.database, gateway, tenant, &refund, &attempt, actor).await;
    oms_failpoints::reached("orders.cancel_refunded");
    match result {
        RefundResult::Refunded => {
            let no_money = NoMoney::Refunded(&refund);
            let order_id = refund.order_id;
            let ended = end_cancelling(context, tenant, order_id, &no_money, actor).await?;
            Ok(Step::Break(cancelled(ended)))
        }
        RefundResult::Failed { code } => {
            let advance = fail(context, tenant, &refund, code).await?;
            // Possibly because the money was refunded elsewhere, or is disputed.
            let reach = Reach::RefundsAndDisputes;
            Ok(
                match try_to_follow(context, tenant, &attempt, reach).await {
                    Followed::Changed => Step::Continue(()),
                    _ => Step::Break(advance),
                },
            )
        }
        RefundResult::Pending => Ok(Step::Break(Advance::Waiting)),
        RefundResult::Later(cause) => Ok(Step::Break(Advance::of_later(&cause))),
    }
}

/// The money was not refunded, and the order stays as it is until an operator decides.
async fn fail(
    context: &OrderContext,
    tenant: TenantId,
    refund: &Refund,
    code: RefundFailure,
) -> Result<Advance, OrderError> {
    let reason = format!("the gateway rejected the refund: {code}");
    let end = RefundEnd::Failed(code);
    let mut patience = Patience::new(context, tenant, refund.order_id.as_uuid());
    let failed = loop {
        let tried = patience.attempt(async |connection| {
            orders::lock_status(connection, tenant, refund.order_id).await?;
            let gateway = context.gateway.as_ref();
            let left = finish_refund(connection, gateway, tenant, refund, &end).await?;
            Ok::<_, OrderError>(left.is_some())
        });
        if let Some(failed) = tried.await {
            break failed;
        }
    };
    Ok(match failed? {
        true => Advance::NeedsOperator { reason },
        false => Advance::Superseded,
    })
}
