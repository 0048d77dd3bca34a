//! The sweeper: claims the orders that are due, tries to settle each, and decides what happens to those that it could
//! not settle.

use std::time::Duration;

use async_trait::async_trait;
use oms_batching::BatchError;
use oms_database::transaction;
use oms_validation::TenantId;
use oms_work::{Batch, WorkList, turn};

use crate::context::OrderContext;
use crate::domain::actor::SWEEPER;
use crate::domain::backoff;
use crate::error::OrderError;
use crate::service::settling::advance_order::advance_order;
use crate::service::transitions::advance::Advance;
use crate::service::transitions::dead_letter_order::dead_letter_order;
use crate::store::reconciliations::{self, Claim, Try};

/// The result of one turn of the sweeper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepSummary {
    /// Orders that were found paid.
    pub paid: usize,
    /// Orders that failed; their stock was released.
    pub failed: usize,
    /// Orders that were cancelled; their stock was released.
    pub cancelled: usize,
    /// Orders that were refunded, in full or in part.
    pub refunded: usize,
    /// Orders whose refund the gateway rejected; they are paid, as before.
    pub refund_failed: usize,
    /// Orders to retry later.
    pub postponed: usize,
    /// Orders to retry later, because the gateway's breaker refused the calls or their rows were locked. These do not
    /// count as tries.
    pub refused: usize,
    /// Orders that were left to an operator.
    pub dead_lettered: usize,
    /// Orders that another request or worker settled first.
    pub superseded: usize,
    /// Whether a tenant had a full batch due: there may be more, so sweep again immediately.
    pub more_due: bool,
}

impl SweepSummary {
    /// Number of orders that the sweeper attempted to settle.
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

    fn count(&mut self, advance: &Advance) {
        match advance {
            Advance::Paid => self.paid += 1,
            Advance::Failed => self.failed += 1,
            Advance::Cancelled => self.cancelled += 1,
            Advance::Refunded => self.refunded += 1,
            Advance::RefundFailed => self.refund_failed += 1,
            Advance::Superseded => self.superseded += 1,
            Advance::Refused => self.refused += 1,
            Advance::Held | Advance::Waiting | Advance::TryAgain { .. } => self.postponed += 1,
            Advance::NeedsOperator { .. } => self.dead_lettered += 1,
        }
    }
}

/// Takes one turn of the sweeper: one bounded batch of due orders of each tenant. Several instances may do so at the
/// same time. Does nothing while the gateway's breaker refuses calls.
///
/// # Errors
/// If the database can't list what is due. An order that can't be settled, and a tenant whose orders can't be read,
/// delay no other.
pub async fn sweep_orders(context: &OrderContext) -> Result<SweepSummary, OrderError> {
    let mut summary = SweepSummary::default();
    if !context.gateway.is_available() {
        return Ok(summary);
    }
    let turn = turn(&Sweep(context), &context.stopping).await?;
    summary.more_due = turn.more_due;
    let concluded = turn.outcomes.iter();
    concluded.for_each(|advance| summary.count(advance));
    Ok(summary)
}

/// The work list of unsettled orders.
struct Sweep<'a>(&'a OrderContext);

#[async_trait]
impl WorkList for Sweep<'_> {
    type Entry = Claim;
    type Outcome = Advance;
    type Error = OrderError;

    const ENTRIES: &'static str = "orders to settle";

    async fn find_due_tenants(&self) -> Result<Vec<TenantId>, OrderError> {
        let mut connection = self.0.database.acquire().await?;
        let due = reconciliations::find_due_tenants(&mut connection, self.0.now()).await?;
        Ok(due.into_iter().map(|due| due.tenant).collect())
    }

    fn tenants_meanwhile(&self) -> Vec<TenantId> {
        self.0.tenants_meanwhile()
    }

    async fn claim(&self, tenant: TenantId) -> Result<Batch<Claim>, OrderError> {
        let Self(context) = *self;
        let (limit, lease) = (context.settings.sweep_batch, context.settings.sweep_lease);
        let mut connection = context.database.acquire().await?;
        let now = context.now();
        let claims = reconciliations::claim_due(&mut connection, tenant, now, limit, lease).await?;
        if !claims.is_empty() {
            oms_failpoints::reached("orders.claimed");
        }
        Ok(Batch::of(claims, limit))
    }

    async fn work(&self, tenant: TenantId, claim: &Claim) -> Advance {
        let advance = match advance_order(self.0, tenant, claim).await {
            Ok(advance) => advance,
            // Another transaction has locked its rows, which says nothing about the order.
            Err(OrderError::Contended) => Advance::Refused,
            Err(error) if error.is_contended() => Advance::Refused,
            Err(error) => Advance::TryAgain {
                reason: error.to_string(),
            },
        };
        conclude_or_warn(self.0, tenant, claim, advance).await
    }

    async fn postpone_panicked(&self, tenant: TenantId, claim: &Claim) -> Advance {
        let advance = Advance::TryAgain {
            reason: "the program panicked; see its log".to_owned(),
        };
        conclude_or_warn(self.0, tenant, claim, advance).await
    }
}

async fn conclude_or_warn(
    context: &OrderContext,
    tenant: TenantId,
    claim: &Claim,
    advance: Advance,
) -> Advance {
    let concluded = conclude(context, tenant, claim, advance).await;
    concluded.unwrap_or_else(|error| {
        let cause: &dyn std::error::Error = &error;
        tracing::warn!(order_id = %claim.order_id, tries = claim.lease.tries, cause, "an order could not be postponed");
        // The order is due again when its lease expires.
        Advance::TryAgain {
            reason: error.to_string(),
        }
    })
}

/// Stores the result of a try and returns it. After too many tries the order needs an operator; another worker may have
/// been first.
async fn conclude(
    context: &OrderContext,
    tenant: TenantId,
    claim: &Claim,
    advance: Advance,
) -> Result<Advance, OrderError> {
    let (base, cap) = context.settings.sweep_backoff;
    let order_id = claim.order_id;
    let (delay, counted) = match &advance {
        Advance::Paid
        | Advance::Failed
        | Advance::Cancelled
        | Advance::Refunded
        | Advance::RefundFailed
        | Advance::Superseded => return Ok(advance),
        Advance::NeedsOperator { reason } => return give_up(context, tenant, claim, reason).await,
        Advance::TryAgain { reason } if claim.lease.tries >= context.settings.sweep_max_tries => {
            return give_up(context, tenant, claim, reason).await;
        }
        Advance::TryAgain { reason } => {
            tracing::warn!(%order_id, reason, tries = claim.lease.tries, "an order can't be settled yet");
            let delay = backoff::delay(base, cap, claim.lease.tries, rand::random());
            (delay, Try::Counts { reason })
        }
        Advance::Refused => {
            let delay = backoff::delay(base, cap, claim.lease.tries, rand::random());
            (delay, Try::DoesNotCount)
        }
        Advance::Waiting => {
            tracing::debug!(%order_id, "the payment is still pending");
            let delay = backoff::delay_of_waiting(base, cap, claim.age, rand::random());
            // An order must be checked at its deadline, in case it is still unpaid.
            let delay = until_deadline(context, claim).map_or(delay, |left| delay.min(left));
            (delay, Try::DoesNotCount)
        }
        Advance::Held => {
            let left = until_deadline(context, claim).unwrap_or_default();
            (left, Try::DoesNotCount)
        }
    };
    let mut connection = context.database.acquire().await?;
    let now = context.now();
    transaction(&mut connection, async |connection| {
        reconciliations::postpone(connection, tenant, now, claim, delay, counted).await
    })
    .await?;
    Ok(advance)
}

/// Time left until the deadline; `None` after it.
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
) -> Result<Advance, OrderError> {
    let given_up = dead_letter_order(context, tenant, claim, reason, SWEEPER).await?;
    Ok(match given_up {
        true => Advance::NeedsOperator {
            reason: reason.to_owned(),
        },
        false => Advance::Superseded,
    })
}
