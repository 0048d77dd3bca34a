//! Settling an order whose payment is open: asks the gateway what became of it, and proves that nothing more becomes of it
//! before any stock is given back.

use std::time::Duration;

use oms_payments::{
    Attempt, FencePolicy, LaterCause, SettleOutcome, Settled, find_payment, settle_payment,
};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::actor::SWEEPER;
use crate::domain::failure::Failure;
use crate::error::OrderError;
use crate::service::advance_order::Advance;
use crate::service::end_order::{EndedBy, Ending, Proof, end_order};

/// One try to settle an order that is in `PENDING_PAYMENT` since `age`.
pub(crate) async fn settle_pending(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    age: Duration,
) -> Result<Advance, OrderError> {
    let mut connection = context.database.acquire().await?;
    let attempt = find_payment(&mut connection, tenant, order_id).await?;
    drop(connection);
    // An order is committed together with its attempt.
    let Some(attempt) = attempt else {
        let reason = "it has no payment attempt".to_owned();
        return Ok(Advance::TryAgain { reason });
    };
    let policy = match age > context.settings.pending_payment_deadline {
        true => FencePolicy::CancelPending,
        false => FencePolicy::KeepPending,
    };
    settle_attempt(context, tenant, &attempt, policy, SWEEPER).await
}

/// One try to settle an order in `PENDING_PAYMENT` by its open attempt; `actor` is who ends it.
pub(crate) async fn settle_attempt(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
    policy: FencePolicy,
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
    let by = EndedBy::Actor(actor);
    if !end_order(context, tenant, order_id, &proof, &ending, by).await? {
        return Ok(Advance::Superseded);
    }
    tracing::info!(%order_id, actor, ending = ?ending, "ended an order that was cut off");
    Ok(match ending {
        Ending::Paid => Advance::Paid,
        Ending::Failed(_) => Advance::Failed,
    })
}

/// How an order ends whose payment is settled; none while it is not.
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
        (SettleOutcome::WrongAmount { charged }, _) => Advance::NeedsPerson {
            reason: format!(
                "the gateway charged another amount than the order's total: {} {} in minor units",
                charged.amount_minor, charged.currency
            ),
        },
        (
            SettleOutcome::Later(LaterCause::Pending(_)),
            FencePolicy::KeepPending | FencePolicy::Observe,
        ) => Advance::Waiting,
        (SettleOutcome::Later(cause), _) => Advance::of_later(cause),
        // Those with a closing have ended the order; naming them has the compiler ask about new ones.
        (
            SettleOutcome::Superseded
            | SettleOutcome::Paid { .. }
            | SettleOutcome::Voided { .. }
            | SettleOutcome::NeverPrepared,
            _,
        ) => Advance::Superseded,
    }
}
