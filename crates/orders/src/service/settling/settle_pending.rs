//! Settles an order whose payment is open: asks the gateway for its outcome, and proves that no money can move any more
//! before any stock is released.

use std::time::Duration;

use oms_payments::{
    Attempt, FencePolicy, LaterCause, SettleOutcome, Settled, find_payment, settle_payment,
};
use oms_validation::{OrderId, TenantId};

use crate::context::{DeclinePolicy, OrderContext};
use crate::domain::actor::SWEEPER;
use crate::domain::authorship::Authorship;
use crate::domain::failure::Failure;
use crate::domain::other_amount;
use crate::error::OrderError;
use crate::service::transitions::advance::Advance;
use crate::service::transitions::end_held_order::end_held_order;
use crate::service::transitions::end_order::{EndedBy, Ending, end_order};
use crate::service::transitions::hold_order::hold_order;
use crate::service::transitions::proof::Proof;

/// Makes one try to settle an order that has been in `PENDING_PAYMENT` for `age`.
pub(crate) async fn settle_pending(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    age: Duration,
) -> Result<Advance, OrderError> {
    let mut connection = context.database.acquire().await?;
    let attempt = find_payment(&mut connection, tenant, order_id).await?;
    drop(connection);
    // Every order is committed with its attempt.
    let Some(attempt) = attempt else {
        let reason = "it has no payment attempt".to_owned();
        return Ok(Advance::TryAgain { reason });
    };
    let is_over = age >= context.settings.pending_payment_deadline;
    if attempt.state.is_dead() {
        return wait_or_end(context, tenant, &attempt, is_over).await;
    }
    let (policy, when_dead) = match is_over {
        true => (FencePolicy::CancelPending, DeclinePolicy::Fail),
        false => (FencePolicy::KeepPending, context.settings.decline_policy),
    };
    settle_attempt(context, tenant, &attempt, policy, when_dead, SWEEPER).await
}

/// Handles an order that is held for another attempt.
async fn wait_or_end(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
    is_over: bool,
) -> Result<Advance, OrderError> {
    if !is_over {
        return Ok(Advance::Held);
    }
    let ended = end_held_order(context, tenant, attempt, SWEEPER).await?;
    Ok(match ended {
        true => Advance::Failed,
        false => Advance::Superseded,
    })
}

/// Makes one try to settle an order in `PENDING_PAYMENT` by its open attempt. `actor` is who settles it.
pub(crate) async fn settle_attempt(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
    policy: FencePolicy,
    when_dead: DeclinePolicy,
    actor: &str,
) -> Result<Advance, OrderError> {
    let order_id = attempt.order_id;
    let gateway = context.gateway.as_ref();
    let Settled { outcome, calls } =
        settle_payment(&context.database, gateway, tenant, attempt, policy, actor).await;
    oms_failpoints::reached("orders.settled");
    let Some((closing, ending)) = outcome.closing().zip(ending_of(&outcome)) else {
        return Ok(unsettled(&outcome, policy));
    };
    let proof = Proof {
        attempt_id: attempt.id,
        closing,
        calls,
    };
    if let (Ending::Failed(failure), DeclinePolicy::Hold) = (&ending, when_dead) {
        return hold(context, tenant, &proof, order_id, failure, actor).await;
    }
    let by = EndedBy::Actor(actor);
    if !end_order(context, tenant, order_id, &proof, &ending, by).await? {
        return Ok(Advance::Superseded);
    }
    tracing::info!(%order_id, actor, ending = ?ending, "settled an interrupted order");
    Ok(match ending {
        Ending::Paid => Advance::Paid,
        Ending::Failed(_) => Advance::Failed,
    })
}

async fn hold(
    context: &OrderContext,
    tenant: TenantId,
    proof: &Proof,
    order_id: OrderId,
    failure: &Failure,
    actor: &str,
) -> Result<Advance, OrderError> {
    let reason = format!(
        "{}; the stock is held for another attempt",
        failure.in_words()
    );
    let authorship = Authorship {
        actor,
        reason: &reason,
    };
    let held = hold_order(context, tenant, order_id, proof, authorship, None).await?;
    Ok(match held {
        true => Advance::Held,
        false => Advance::Superseded,
    })
}

/// How an order ends when its payment is settled; `None` while it is open.
pub(crate) fn ending_of(outcome: &SettleOutcome) -> Option<Ending> {
    match outcome {
        SettleOutcome::Paid { .. } => Some(Ending::Paid),
        SettleOutcome::Voided {
            decline_code: Some(code),
        } => {
            let decline_code = code.as_str().to_owned();
            Some(Ending::Failed(Failure::PaymentDeclined { decline_code }))
        }
        SettleOutcome::Voided { decline_code: None } | SettleOutcome::NeverPrepared => {
            Some(Ending::Failed(Failure::PaymentVoided))
        }
        SettleOutcome::WrongAmount { .. } | SettleOutcome::Later(_) | SettleOutcome::Superseded => {
            None
        }
    }
}

fn unsettled(outcome: &SettleOutcome, policy: FencePolicy) -> Advance {
    match (outcome, policy) {
        (SettleOutcome::WrongAmount { charged }, _) => Advance::NeedsOperator {
            reason: other_amount::in_words(*charged),
        },
        (
            SettleOutcome::Later(LaterCause::Pending(_)),
            FencePolicy::KeepPending | FencePolicy::Observe,
        ) => Advance::Waiting,
        (SettleOutcome::Later(cause), _) => Advance::of_later(cause),
        // Outcomes with a closing have settled the order. They are listed so that the compiler asks about new variants.
        (
            SettleOutcome::Superseded
            | SettleOutcome::Paid { .. }
            | SettleOutcome::Voided { .. }
            | SettleOutcome::NeverPrepared,
            _,
        ) => Advance::Superseded,
    }
}
