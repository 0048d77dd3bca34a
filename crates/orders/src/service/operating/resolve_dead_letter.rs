//! An operator reports the outcome of an order's payment. It is recorded only if the gateway proves it.

use oms_database::boxed;
use oms_payments::{
    Attempt, Closing, FencePolicy, LaterCause, PaymentError, SettleOutcome, Settled, UnsavedCalls,
    find_payment, save_calls, settle_payment,
};
use oms_validation::{IdempotencyKey, Keyed, Once, OperatorName, TenantId};

use crate::context::OrderContext;
use crate::domain::dead_letter::{DeadLetter, Verdict};
use crate::domain::id::DeadLetterId;
use crate::domain::reason::Reason;
use crate::domain::status::OrderStatus;
use crate::error::{DeadLetterError, OrderError};
use crate::service::operating::give_up_refund::give_up_refund;
use crate::service::operating::settle_elsewhere::settle_elsewhere;
use crate::service::reading::get_dead_letter::get_open;
use crate::service::settling::settle_pending::ending_of;
use crate::service::transitions::claim_key::was_done;
use crate::service::transitions::end_order::{Decision, EndedBy, Ending, end_order};
use crate::service::transitions::proof::Proof;
use crate::store::dead_letters;

/// Settles the order of an open dead letter, and returns the updated dead letter. Runs once for each key.
///
/// - `SettledElsewhere` closes the order whatever the gateway reports. Unless the gateway reports that nothing is left,
///   the operator must have confirmed the verdict.
/// - `RefundGivenUp` returns an order in `REFUNDING` to `PAID`. Unless the gateway reports that no refund was made, the
///   operator must have confirmed the verdict.
/// - `Paid` requires that the gateway reports the payment as taken in the order's currency. The operator is responsible
///   for the amount.
/// - `Failed` cancels the payment first, and requires that the gateway reports that nothing was or will be taken.
///
/// # Errors
/// `NotFound` if the tenant has no such dead letter, `Resolved` if it is closed, `NotResolvable` if the verdict does
/// not fit the order's state, `ConfirmationRequired`, `RefundWasMade`, `NotProvenPaid`, `NotProvenFailed` or
/// `PaymentWasTaken` depending on what the gateway reports, `KeyReused` if the key belongs to another request;
/// otherwise if the gateway or the database can't be reached. An error changes nothing.
#[boxed]
pub async fn resolve_dead_letter(
    context: &OrderContext,
    tenant: TenantId,
    id: DeadLetterId,
    key: Option<&IdempotencyKey>,
    verdict: Verdict,
    operator: &OperatorName,
    reason: &Reason,
) -> Result<Once<DeadLetter>, DeadLetterError> {
    // A request that was refused for lack of confirmation has not claimed its key, so the confirmed request may use the
    // same one.
    let request = (id, verdict, reason.as_str());
    let keyed = key.map(|key| Keyed::new(key, "resolve dead letter v1", &request));
    let decision = Decision {
        dead_letter_id: id,
        operator,
        reason,
        keyed: keyed.as_ref(),
    };
    let mut connection = context.database.acquire().await?;
    if was_done(&mut connection, tenant, decision.keyed).await? {
        let dead_letter = dead_letters::find(&mut connection, tenant, id).await?;
        let dead_letter = dead_letter.ok_or(DeadLetterError::NotFound)?;
        return Ok(Once::Before(dead_letter));
    }
    drop(connection);
    let once = match decide(context, tenant, verdict, decision).await {
        Ok(()) => Once::Now(()),
        Err(DeadLetterError::Resolved) => {
            // Possibly closed by a concurrent request with the same key.
            let mut connection = context.database.acquire().await?;
            match was_done(&mut connection, tenant, decision.keyed).await? {
                true => Once::Before(()),
                false => return Err(DeadLetterError::Resolved),
            }
        }
        Err(error) => return Err(error),
    };
    let dead_letter = read(context, tenant, id).await;
    let dead_letter = dead_letter.map_err(OrderError::after_commit)?;
    let dead_letter = dead_letter.ok_or(DeadLetterError::NotFound)?;
    Ok(once.map(|()| dead_letter))
}

async fn read(
    context: &OrderContext,
    tenant: TenantId,
    id: DeadLetterId,
) -> Result<Option<DeadLetter>, OrderError> {
    let mut connection = context.database.acquire().await?;
    Ok(dead_letters::find(&mut connection, tenant, id).await?)
}

async fn decide(
    context: &OrderContext,
    tenant: TenantId,
    verdict: Verdict,
    decision: Decision<'_>,
) -> Result<(), DeadLetterError> {
    let mut connection = context.database.acquire().await?;
    let dead_letter = get_open(&mut connection, tenant, decision.dead_letter_id).await?;
    drop(connection);
    match (dead_letter.order_status, verdict) {
        (status, Verdict::SettledElsewhere { confirmed }) if status.is_unsettled() => {
            settle_elsewhere(context, tenant, &dead_letter, decision, confirmed).await
        }
        (OrderStatus::Refunding, Verdict::RefundGivenUp { confirmed }) => {
            give_up_refund(context, tenant, &dead_letter, decision, confirmed).await
        }
        (OrderStatus::PendingPayment, Verdict::Paid) => {
            end_pending(context, tenant, &dead_letter, Proving::Paid, decision).await
        }
        (OrderStatus::PendingPayment, Verdict::Failed) => {
            end_pending(context, tenant, &dead_letter, Proving::Failed, decision).await
        }
        (status, _) => Err(DeadLetterError::NotResolvable(status)),
    }
}

/// What the gateway must prove.
#[derive(Clone, Copy, Debug)]
enum Proving {
    Paid,
    Failed,
}

async fn end_pending(
    context: &OrderContext,
    tenant: TenantId,
    dead_letter: &DeadLetter,
    proving: Proving,
    decision: Decision<'_>,
) -> Result<(), DeadLetterError> {
    let (id, operator, order_id) = (dead_letter.id, decision.operator, dead_letter.order_id);
    let mut connection = context.database.acquire().await?;
    let attempt = find_payment(&mut connection, tenant, order_id).await?;
    drop(connection);
    let attempt = attempt.ok_or(match proving {
        Proving::Paid => DeadLetterError::NotProvenPaid,
        Proving::Failed => DeadLetterError::NotProvenFailed,
    })?;
    let (proof, ending) = match proving {
        Proving::Paid => prove_paid(context, tenant, &attempt, operator).await?,
        Proving::Failed => prove_failed(context, tenant, &attempt, operator).await?,
    };
    let by = EndedBy::Operator(decision);
    let ended = end_order(context, tenant, order_id, &proof, &ending, by);
    if !ended.await? {
        return Err(DeadLetterError::Resolved);
    }
    tracing::info!(%order_id, dead_letter_id = %id, %operator, ?ending, "an operator settled an order");
    Ok(())
}

/// Only observes: the operator did not ask to cancel an unconfirmed payment.
async fn prove_paid(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
    operator: &OperatorName,
) -> Result<(Proof, Ending), DeadLetterError> {
    let settled = settle(context, tenant, attempt, FencePolicy::Observe, operator).await;
    let closing = settled.outcome.accept_charged_amount(attempt);
    match closing.filter(|closing| closing.captured().is_some()) {
        Some(closing) => Ok((proof(attempt, closing, settled.calls), Ending::Paid)),
        None => {
            save_calls(&context.database, tenant, &settled.calls).await;
            Err(match settled.outcome {
                SettleOutcome::Later(LaterCause::Gateway(error)) => {
                    PaymentError::from(error).into()
                }
                SettleOutcome::Later(LaterCause::Database(error)) => error.into(),
                SettleOutcome::Superseded => DeadLetterError::Resolved,
                _ => DeadLetterError::NotProvenPaid,
            })
        }
    }
}

async fn prove_failed(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
    operator: &OperatorName,
) -> Result<(Proof, Ending), DeadLetterError> {
    let settled = settle(
        context,
        tenant,
        attempt,
        FencePolicy::CancelPending,
        operator,
    )
    .await;
    let (outcome, calls) = (settled.outcome, settled.calls);
    if let Some((closing, ending @ Ending::Failed(_))) = outcome.closing().zip(ending_of(&outcome))
    {
        return Ok((proof(attempt, closing, calls), ending));
    }
    save_calls(&context.database, tenant, &calls).await;
    Err(match outcome {
        SettleOutcome::Paid { .. } | SettleOutcome::WrongAmount { .. } => {
            DeadLetterError::PaymentWasTaken
        }
        SettleOutcome::Later(LaterCause::Gateway(error)) => PaymentError::from(error).into(),
        SettleOutcome::Later(LaterCause::Database(error)) => error.into(),
        SettleOutcome::Superseded => DeadLetterError::Resolved,
        _ => DeadLetterError::NotProvenFailed,
    })
}

async fn settle(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
    policy: FencePolicy,
    operator: &OperatorName,
) -> Settled {
    let (gateway, actor) = (context.gateway.as_ref(), operator.as_actor());
    settle_payment(&context.database, gateway, tenant, attempt, policy, &actor).await
}

fn proof(attempt: &Attempt, closing: Closing, calls: UnsavedCalls) -> Proof {
    Proof {
        attempt_id: attempt.id,
        closing,
        calls,
    }
}
