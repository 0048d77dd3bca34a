//! The sweeper: takes on the orders that are due, tries to settle each, and decides what becomes of those that it could
//! not settle.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{FutureExt, StreamExt, stream};
use oms_batching::BatchError;
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::actor::SWEEPER;
use crate::domain::backoff;
use crate::error::OrderError;
use crate::service::advance_order::{Advance, advance_order};
use crate::service::dead_letter_order::dead_letter_order;
use crate::store::reconciliations::{self, Claim, Try};

/// Most stores that are swept at a time.
const STORES_AT_A_TIME: usize = 4;

/// What one sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepSummary {
    /// Orders that were found paid.
    pub paid: usize,
    /// Orders that failed; their stock was given back.
    pub failed: usize,
    /// Orders that were cancelled; their stock was given back.
    pub cancelled: usize,
    /// Orders of which some or all of the money was given back.
    pub refunded: usize,
    /// Orders whose money the gateway refused to give back; they are paid, as before.
    pub refund_failed: usize,
    /// Orders to look at again later.
    pub postponed: usize,
    /// Orders to look at again later, because the gateway's breaker let nothing through, or somebody had locked their rows.
    /// Not a try.
    pub refused: usize,
    /// Orders that were left to a person.
    pub dead_lettered: usize,
    /// Orders that somebody else settled meanwhile.
    pub superseded: usize,
    /// A store had a full batch due: there may be more, so sweep again at once.
    pub more_due: bool,
}

impl SweepSummary {
    /// Orders that were tried to settle.
    pub const fn tries(&self) -> usize {
        self.paid
            + self.failed
            + self.cancelled
            + self.refunded
            + self.refund_failed
            + self.postponed
            + self.dead_lettered
            + self.superseded
    }

    fn count(&mut self, swept: Swept) {
        match swept {
            Swept::Paid => self.paid += 1,
            Swept::Failed => self.failed += 1,
            Swept::Cancelled => self.cancelled += 1,
            Swept::Refunded => self.refunded += 1,
            Swept::RefundFailed => self.refund_failed += 1,
            Swept::Postponed => self.postponed += 1,
            Swept::Refused => self.refused += 1,
            Swept::DeadLettered => self.dead_lettered += 1,
            Swept::Superseded => self.superseded += 1,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Swept {
    Paid,
    Failed,
    Cancelled,
    Refunded,
    RefundFailed,
    Postponed,
    Refused,
    DeadLettered,
    Superseded,
}

/// One turn: looks once at the orders that are due, one bounded batch of each store. Several instances may do so at once.
/// Does nothing while the gateway's breaker refuses calls.
///
/// Every store gets its batch before any gets a second one, because that takes another turn: see
/// [`SweepSummary::more_due`].
///
/// # Errors
/// When the database can't be asked what is due. An order that can't be settled, and a store whose orders can't be read,
/// hold up no other.
pub async fn sweep_orders(context: &OrderContext) -> Result<SweepSummary, OrderError> {
    let mut summary = SweepSummary::default();
    if !context.gateway.is_available() {
        return Ok(summary);
    }
    let mut connection = context.database.acquire().await?;
    let stores = reconciliations::find_due_tenants(&mut connection, context.now()).await?;
    drop(connection);
    let batches = stream::iter(stores)
        .map(|store| sweep_store(context, store.tenant))
        .buffer_unordered(STORES_AT_A_TIME);
    let batches: Vec<Vec<Swept>> = batches.collect().await;
    for batch in batches {
        summary.more_due |= batch.len() >= context.settings.sweep_batch;
        batch.into_iter().for_each(|swept| summary.count(swept));
    }
    Ok(summary)
}

async fn sweep_store(context: &OrderContext, tenant: TenantId) -> Vec<Swept> {
    match claim(context, tenant).await {
        Ok(claims) => {
            if !claims.is_empty() {
                oms_failpoints::reached("orders.claimed");
            }
            let swept = claims
                .iter()
                .map(|claim| sweep_order(context, tenant, claim));
            join_all(swept).await
        }
        Err(error) => {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(%tenant, cause, "the orders of a store could not be swept");
            Vec::new()
        }
    }
}

async fn claim(context: &OrderContext, tenant: TenantId) -> Result<Vec<Claim>, OrderError> {
    let settings = context.settings;
    let (limit, lease) = (settings.sweep_batch, settings.sweep_lease);
    let mut connection = context.database.acquire().await?;
    let now = context.now();
    Ok(reconciliations::claim_due(&mut connection, tenant, now, limit, lease).await?)
}

async fn sweep_order(context: &OrderContext, tenant: TenantId, claim: &Claim) -> Swept {
    // A defect that only one order meets must not end the sweeper for all.
    let advanced = AssertUnwindSafe(advance_order(context, tenant, claim)).catch_unwind();
    let advance = match advanced.await {
        Ok(Ok(advance)) => advance,
        // Somebody holds its rows: that says nothing about the order.
        Ok(Err(OrderError::Contended)) => Advance::Refused,
        Ok(Err(error)) if error.is_contended() => Advance::Refused,
        Ok(Err(error)) => Advance::TryAgain {
            reason: error.to_string(),
        },
        Err(_) => Advance::TryAgain {
            reason: "the program failed over it; its log has the defect".to_owned(),
        },
    };
    match conclude(context, tenant, claim, &advance).await {
        Ok(swept) => swept,
        Err(error) => {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(order_id = %claim.order_id, tries = claim.tries, cause, "an order could not be postponed");
            // Its lease is its backoff.
            Swept::Postponed
        }
    }
}

/// Writes down what becomes of a claim.
async fn conclude(
    context: &OrderContext,
    tenant: TenantId,
    claim: &Claim,
    advance: &Advance,
) -> Result<Swept, OrderError> {
    let (base, cap) = context.settings.sweep_backoff;
    let order_id = claim.order_id;
    let (delay, counted, swept) = match advance {
        Advance::Paid => return Ok(Swept::Paid),
        Advance::Failed => return Ok(Swept::Failed),
        Advance::Cancelled => return Ok(Swept::Cancelled),
        Advance::Refunded => return Ok(Swept::Refunded),
        Advance::RefundFailed => return Ok(Swept::RefundFailed),
        Advance::Superseded => return Ok(Swept::Superseded),
        Advance::NeedsPerson { reason } => return give_up(context, tenant, claim, reason).await,
        Advance::TryAgain { reason } if claim.tries >= context.settings.sweep_max_tries => {
            return give_up(context, tenant, claim, reason).await;
        }
        Advance::TryAgain { reason } => {
            tracing::warn!(%order_id, reason, tries = claim.tries, "an order can't be settled yet");
            let delay = backoff::delay(base, cap, claim.tries, rand::random());
            (delay, Try::Counts { reason }, Swept::Postponed)
        }
        Advance::Refused => {
            let delay = backoff::delay(base, cap, claim.tries, rand::random());
            (delay, Try::DoesNotCount, Swept::Refused)
        }
        Advance::Waiting => {
            tracing::debug!(%order_id, "the payment is still pending");
            let delay = backoff::delay_of_waiting(base, cap, claim.age, rand::random());
            // What is not paid by its deadline is to be looked at then.
            let delay = until_deadline(context, claim).map_or(delay, |left| delay.min(left));
            (delay, Try::DoesNotCount, Swept::Postponed)
        }
        Advance::Held => {
            let left = until_deadline(context, claim).unwrap_or_default();
            (left, Try::DoesNotCount, Swept::Postponed)
        }
    };
    let mut connection = context.database.acquire().await?;
    let now = context.now();
    reconciliations::postpone(&mut connection, tenant, now, claim, delay, counted).await?;
    Ok(swept)
}

/// None once it is over.
fn until_deadline(context: &OrderContext, claim: &Claim) -> Option<Duration> {
    let deadline = context.settings.pending_payment_deadline;
    let left = deadline.checked_sub(claim.age);
    left.filter(|left| !left.is_zero())
}

async fn give_up(
    context: &OrderContext,
    tenant: TenantId,
    claim: &Claim,
    reason: &str,
) -> Result<Swept, OrderError> {
    let given_up = dead_letter_order(context, tenant, claim, reason, SWEEPER).await?;
    Ok(match given_up {
        true => Swept::DeadLettered,
        false => Swept::Superseded,
    })
}
