//! Phases 2 and 3 of an attempt that this request has started: collects the payment and records the outcome of the
//! order.

use std::sync::Arc;

use oms_fulfilment::NewFulfilmentOrder;
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

/// What happens to the order if no payment could be started.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WhenNotStarted<'a> {
    /// It fails and releases its key, as if it had not been placed.
    FailOrder,
    /// It waits for another attempt, and this request's key is released.
    KeepOrder(&'a IdempotencyKey),
}

/// The outcome of collecting a payment.
pub(crate) enum Collection {
    /// This request settled the order as paid.
    Paid,
    /// This request settled the order as failed.
    Failed(Failure),
    /// No payment was started.
    NotStarted(PaymentError),
    /// The stored state is the answer.
    Stored {
        /// Whether the order may have been changed by others since it was placed.
        moved: bool,
    },
}

/// Collects the payment of an attempt in the name of `actor`. An indefinite outcome leaves the order to the sweeper.
/// `sends` is what the order's warehouse has to send once it is paid.
pub(crate) async fn collect(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    (attempt, sends): (&Attempt, NewFulfilmentOrder),
    instruction: &PaymentInstruction,
    when_not_started: WhenNotStarted<'_>,
    actor: &str,
) -> Collection {
    let (batches, gateway) = (&context.payment_batches, context.gateway.as_ref());
    let collected = collect_payment(batches, gateway, tenant, attempt, instruction, actor).await;
    oms_failpoints::reached("orders.collected");
    let order_id = attempt.order_id;
    if let CollectOutcome::WrongAmount { charged } = &collected.outcome {
        // The sweeper will find the same and raise the alert.
        tracing::warn!(%order_id, ?charged, total = ?attempt.amount, "the gateway charged another amount");
    }
    let of = (attempt, sends);
    let written = write(context, tenant, of, collected, when_not_started, actor).await;
    written.unwrap_or_else(|error| {
        let cause: &dyn std::error::Error = &error;
        tracing::warn!(%order_id, cause, "an order could not be settled; the sweeper will settle it");
        // The commit may have succeeded.
        let moved = matches!(error, OrderError::OutcomeUnknown);
        Collection::Stored { moved }
    })
}

async fn write(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    (attempt, sends): (&Attempt, NewFulfilmentOrder),
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
                reason: "the payment could not be started; the stock is held for another attempt",
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
                sends,
            };
            let ended = end_paid_order(context, tenant, paid).await?;
            (ended, Collection::Paid)
        }
        // Outcomes without a closing. They are listed so that the compiler asks about new variants.
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

/// Cancels the payment after a decline, because the held order may get another attempt while the declined payment could
/// still be confirmed.
async fn fence_declined(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
    actor: &str,
) -> Result<(), OrderError> {
    let mut connection = context.database.acquire().await?;
    let now = find_payment(&mut connection, tenant, attempt.order_id).await?;
    drop(connection);
    // An attempt of another request is left to that request.
    if let Some(now) = now.filter(|now| now.id == attempt.id && now.state.is_open()) {
        let policy = FencePolicy::Observe;
        settle_attempt(context, tenant, &now, policy, DeclinePolicy::Hold, actor).await?;
    }
    Ok(())
}
