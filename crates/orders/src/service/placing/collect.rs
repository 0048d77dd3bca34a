//! Phases 2 and 3 of an attempt that this request has begun: collects the payment, and writes what becomes of the order.

use std::sync::Arc;

use oms_payments::{
    Attempt, CollectOutcome, Collected, FencePolicy, PaymentError, PaymentInstruction,
    collect_payment, find_payment, save_calls,
};
use oms_validation::{IdempotencyKey, TenantId};

use crate::context::{DeclinePolicy, OrderContext};
use crate::domain::authorship::Authorship;
use crate::domain::failure::Failure;
use crate::error::OrderError;
use crate::service::settling::settle_pending::settle_attempt;
use crate::service::transitions::end_order::{EndedBy, Ending, end_order};
use crate::service::transitions::end_paid_orders::{PaidOrder, end_paid_order};
use crate::service::transitions::hold_order::hold_order;
use crate::service::transitions::proof::Proof;

/// What becomes of the order when no payment could be started.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WhenNotStarted<'a> {
    /// It fails and gives its key back, as if it had not been placed.
    FailOrder,
    /// It waits for another attempt, and this request's key may be used again.
    KeepOrder(&'a IdempotencyKey),
}

/// What became of a collection.
pub(crate) enum Collection {
    /// This request has ended the order as paid.
    Paid,
    /// This request has ended the order as failed.
    Failed(Failure),
    /// No payment was started.
    NotStarted(PaymentError),
    /// Whatever is stored.
    Stored {
        /// Whether somebody else may have moved the order since it was placed.
        moved: bool,
    },
}

/// Collects the payment of an attempt in the name of `actor`. An outcome that is not definite leaves the order to the sweeper.
pub(crate) async fn collect(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    attempt: &Attempt,
    instruction: &PaymentInstruction,
    when_not_started: WhenNotStarted<'_>,
    actor: &str,
) -> Collection {
    let (batches, gateway) = (&context.payment_batches, context.gateway.as_ref());
    let collected = collect_payment(batches, gateway, tenant, attempt, instruction, actor).await;
    oms_failpoints::reached("orders.collected");
    let order_id = attempt.order_id;
    if let CollectOutcome::WrongAmount { charged } = &collected.outcome {
        // The sweeper finds the same, and alerts.
        tracing::warn!(%order_id, ?charged, total = ?attempt.amount, "the gateway charged another amount");
    }
    let written = write(context, tenant, attempt, collected, when_not_started, actor).await;
    written.unwrap_or_else(|error| {
        let cause: &dyn std::error::Error = &error;
        tracing::warn!(%order_id, cause, "an order's end could not be written; the sweeper will");
        // It may have been written after all.
        let moved = matches!(error, OrderError::OutcomeUnknown);
        Collection::Stored { moved }
    })
}

async fn write(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    attempt: &Attempt,
    collected: Collected,
    when_not_started: WhenNotStarted<'_>,
    actor: &str,
) -> Result<Collection, OrderError> {
    let Collected { outcome, calls } = collected;
    let Some(closing) = outcome.closing() else {
        let moved = matches!(outcome, CollectOutcome::Superseded);
        return Ok(Collection::Stored { moved });
    };
    let order_id = attempt.order_id;
    let proof = Proof {
        attempt_id: attempt.id,
        closing,
        calls,
    };
    let (ended, collection) = match (outcome, when_not_started) {
        (CollectOutcome::Declined { .. }, _)
            if context.settings.decline_policy == DeclinePolicy::Hold =>
        {
            save_calls(&context.database, tenant, &proof.calls).await;
            fence_declined(context, tenant, attempt, actor).await?;
            return Ok(Collection::Stored { moved: true });
        }
        (CollectOutcome::Declined { code }, _) => {
            let decline_code = code.as_str().to_owned();
            let failure = Failure::PaymentDeclined { decline_code };
            let ended = fail(context, tenant, attempt, &proof, failure.clone(), actor).await?;
            (ended, Collection::Failed(failure))
        }
        (CollectOutcome::NotStarted { error, .. }, WhenNotStarted::FailOrder) => {
            let failure = Failure::GatewayUnavailable;
            let ended = fail(context, tenant, attempt, &proof, failure, actor).await?;
            (ended, Collection::NotStarted(error))
        }
        (CollectOutcome::NotStarted { error, .. }, WhenNotStarted::KeepOrder(key)) => {
            let authorship = Authorship {
                actor,
                reason: "the payment could not be started; the stock is held for another try",
            };
            let key = Some(key);
            let held = hold_order(context, tenant, order_id, &proof, authorship, key).await?;
            (held, Collection::NotStarted(error))
        }
        (CollectOutcome::Paid { .. }, _) => {
            let paid = PaidOrder {
                order_id,
                proof,
                actor: actor.to_owned(),
            };
            let ended = end_paid_order(context, tenant, paid).await?;
            (ended, Collection::Paid)
        }
        // Without a closing; naming them has the compiler ask about new ones.
        (
            CollectOutcome::WrongAmount { .. }
            | CollectOutcome::Pending
            | CollectOutcome::Unknown
            | CollectOutcome::Superseded,
            _,
        ) => return Ok(Collection::Stored { moved: true }),
    };
    if !ended {
        return Ok(Collection::Stored { moved: true });
    }
    oms_failpoints::reached("orders.ended");
    Ok(collection)
}

async fn fail(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
    proof: &Proof,
    failure: Failure,
    actor: &str,
) -> Result<bool, OrderError> {
    let (ending, by) = (Ending::Failed(failure), EndedBy::Actor(actor));
    end_order(context, tenant, attempt.order_id, proof, &ending, by).await
}

/// A decline under which the order is held: the payment could be confirmed again, so that it is cancelled before
/// another attempt is possible.
async fn fence_declined(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
    actor: &str,
) -> Result<(), OrderError> {
    let mut connection = context.database.acquire().await?;
    let now = find_payment(&mut connection, tenant, attempt.order_id).await?;
    drop(connection);
    // Somebody else's attempt is somebody else's to settle.
    if let Some(now) = now.filter(|now| now.id == attempt.id && now.state.is_open()) {
        let policy = FencePolicy::Observe;
        settle_attempt(context, tenant, &now, policy, DeclinePolicy::Hold, actor).await?;
    }
    Ok(())
}
