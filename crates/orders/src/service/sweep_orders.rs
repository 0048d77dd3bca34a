//! Ending the orders that were cut off: asks the gateway what became of each, and proves that nothing more becomes of it
//! before any stock is given back.

use futures_util::future::join_all;
use oms_payments::{FencePolicy, LaterCause, SettleOutcome, find_payment, settle_payment};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::backoff;
use crate::domain::failure::Failure;
use crate::error::OrderError;
use crate::service::end_order::{Ending, end_order};
use crate::store::reconciliations::{self, Claim};

/// The actor of what the sweeper does.
const ACTOR: &str = "sweeper";

/// What one sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepSummary {
    /// Orders that were found paid.
    pub paid: usize,
    /// Orders that failed; their stock was given back.
    pub failed: usize,
    /// Orders to look at again later.
    pub postponed: usize,
    /// Orders that somebody else ended meanwhile.
    pub superseded: usize,
}

enum Swept {
    Paid,
    Failed,
    Postponed,
    Superseded,
}

/// Looks once at the orders that are due, store by store, a bounded batch of each. Several instances may do so at once.
///
/// # Errors
/// When the database can't be asked. An order that can't be settled is postponed and holds up no other.
pub async fn sweep_orders(context: &OrderContext) -> Result<SweepSummary, OrderError> {
    let mut connection = context.database.acquire().await?;
    let tenants = reconciliations::find_due_tenants(&mut connection).await?;
    drop(connection);
    let mut summary = SweepSummary::default();
    for tenant in tenants {
        for swept in sweep_tenant(context, tenant).await? {
            match swept {
                Swept::Paid => summary.paid += 1,
                Swept::Failed => summary.failed += 1,
                Swept::Postponed => summary.postponed += 1,
                Swept::Superseded => summary.superseded += 1,
            }
        }
    }
    Ok(summary)
}

async fn sweep_tenant(context: &OrderContext, tenant: TenantId) -> Result<Vec<Swept>, OrderError> {
    let settings = context.settings;
    let mut connection = context.database.acquire().await?;
    let (limit, lease) = (settings.sweep_batch, settings.sweep_lease);
    let claims = reconciliations::claim_due(&mut connection, tenant, limit, lease).await?;
    drop(connection);
    if !claims.is_empty() {
        oms_failpoints::reached("orders.claimed");
    }
    let swept = claims
        .into_iter()
        .map(|claim| sweep_order(context, tenant, claim));
    Ok(join_all(swept).await)
}

async fn sweep_order(context: &OrderContext, tenant: TenantId, claim: Claim) -> Swept {
    match settle(context, tenant, claim).await {
        Ok(swept) => swept,
        Err(error) => {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(order_id = %claim.order_id, tries = claim.tries, cause, "an order could not be swept");
            // Its lease is its backoff.
            Swept::Postponed
        }
    }
}

async fn settle(
    context: &OrderContext,
    tenant: TenantId,
    claim: Claim,
) -> Result<Swept, OrderError> {
    let mut connection = context.database.acquire().await?;
    let attempt = find_payment(&mut connection, tenant, claim.order_id).await?;
    drop(connection);
    // An order is committed together with its attempt.
    let Some(attempt) = attempt else {
        return Err(OrderError::NotFound);
    };
    let policy = match claim.age > context.settings.pending_payment_deadline {
        true => FencePolicy::CancelPending,
        false => FencePolicy::KeepPending,
    };
    let gateway = context.gateway.as_ref();
    let outcome = settle_payment(&context.database, gateway, tenant, &attempt, policy).await;
    oms_failpoints::reached("orders.settled");
    let Some((closing, ending)) = outcome.closing().zip(ending_of(&outcome)) else {
        return postpone(context, tenant, claim, &outcome).await;
    };
    let order_id = claim.order_id;
    if !end_order(
        context, tenant, order_id, attempt.id, &closing, &ending, ACTOR,
    )
    .await?
    {
        return Ok(Swept::Superseded);
    }
    tracing::info!(%order_id, tries = claim.tries, ending = ?ending, "ended an order that was cut off");
    Ok(match ending {
        Ending::Paid => Swept::Paid,
        Ending::Failed(_) => Swept::Failed,
    })
}

fn ending_of(outcome: &SettleOutcome) -> Option<Ending> {
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

async fn postpone(
    context: &OrderContext,
    tenant: TenantId,
    claim: Claim,
    outcome: &SettleOutcome,
) -> Result<Swept, OrderError> {
    let order_id: OrderId = claim.order_id;
    match outcome {
        SettleOutcome::Superseded => return Ok(Swept::Superseded),
        SettleOutcome::WrongAmount { charged } => {
            tracing::error!(%order_id, ?charged, "the gateway charged another amount");
        }
        SettleOutcome::Later(LaterCause::Pending(status)) => {
            tracing::debug!(%order_id, ?status, "the payment is still pending");
        }
        outcome => {
            tracing::warn!(%order_id, ?outcome, tries = claim.tries, "a payment can't be settled yet");
        }
    }
    let (base, cap) = context.settings.sweep_backoff;
    let delay = backoff::delay(base, cap, claim.tries, rand::random());
    let mut connection = context.database.acquire().await?;
    reconciliations::postpone(&mut connection, tenant, order_id, delay).await?;
    Ok(Swept::Postponed)
}
