//! The reverse reconciliation that comes round: from where the last one ended, with an overlap, up to now. One instance at
//! a time.

use std::time::Duration;

use chrono::TimeDelta;
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::reconcile_window::ReconcileWindow;
use crate::error::OrderError;
use crate::service::reconcile_charges::{ReconcileObserver, ReconcileSummary, reconcile};
use crate::store::reconciliation_progress::{self, Claim};

/// How far one turn goes beyond the last one, so that after a long pause what was compared is kept.
const STEP: TimeDelta = TimeDelta::days(1);
/// Longest pause after a turn that failed.
const RETRY: Duration = Duration::from_secs(60);

/// When to compare.
#[derive(Clone, Copy, Debug)]
pub struct ReconcileSchedule {
    /// From the end of one turn to the next.
    pub interval: Duration,
    /// How far a turn begins before the end of the last one, because charges can land late.
    pub overlap: Duration,
    /// How long one instance has the turn for itself after its last sign of life. Longer than the calls for one charge take.
    pub lease: Duration,
}

/// What one turn did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReconcileTurn {
    /// Nothing: it is not due, or another instance is at it.
    NotDue,
    /// It compared.
    Done {
        /// What came of it.
        summary: ReconcileSummary,
        /// Now has not been reached: take another turn at once.
        more_due: bool,
    },
}

/// A turn in the hands of this instance.
pub(crate) struct Lease<'a> {
    context: &'a OrderContext,
    tenant: TenantId,
    claim: Claim,
    lease: Duration,
}

impl Lease<'_> {
    /// A sign of life. False when another instance has taken over.
    pub(crate) async fn keep(&self) -> Result<bool, OrderError> {
        self.postpone(self.lease).await
    }

    async fn postpone(&self, delay: Duration) -> Result<bool, OrderError> {
        let mut connection = self.context.database.acquire().await?;
        let (now, gateway) = (self.context.now(), self.context.gateway.name());
        let (tenant, claim) = (self.tenant, &self.claim);
        let kept =
            reconciliation_progress::postpone(&mut connection, tenant, now, gateway, claim, delay);
        Ok(kept.await?)
    }
}

/// One turn, if it is due. The first of a store begins an overlap before now.
///
/// # Errors
/// When the gateway or the database can't be asked. What was written stays, and the next turn begins where this one did.
pub async fn reconcile_next(
    context: &OrderContext,
    tenant: TenantId,
    schedule: &ReconcileSchedule,
    observer: &dyn ReconcileObserver,
) -> Result<ReconcileTurn, OrderError> {
    let gateway = context.gateway.name();
    let mut connection = context.database.acquire().await?;
    let (now, duration) = (context.now(), schedule.lease);
    let claim =
        reconciliation_progress::claim(&mut connection, tenant, now, gateway, duration).await?;
    drop(connection);
    let Some(claim) = claim else {
        return Ok(ReconcileTurn::NotDue);
    };
    let lease = Lease {
        context,
        tenant,
        claim,
        lease: duration,
    };
    let until = claim.claimed_at.min(claim.reconciled_until + STEP);
    let overlap = TimeDelta::from_std(schedule.overlap).unwrap_or(STEP);
    // Into the second that is running: what lands in the rest of it is in the overlap.
    let to = until + TimeDelta::seconds(1);
    let window = ReconcileWindow::new(claim.reconciled_until - overlap, to, claim.claimed_at)?;
    let compared = reconcile(context, tenant, &window, observer, Some(&lease)).await;
    let summary = match compared {
        Ok(summary) if summary.finished => summary,
        Ok(summary) => {
            lease.postpone(Duration::ZERO).await?;
            return Ok(ReconcileTurn::Done {
                summary,
                more_due: false,
            });
        }
        Err(error) => {
            lease.postpone(schedule.interval.min(RETRY)).await?;
            return Err(error);
        }
    };
    let more_due = until < claim.claimed_at;
    let delay = if more_due {
        Duration::ZERO
    } else {
        schedule.interval
    };
    let mut connection = context.database.acquire().await?;
    let now = context.now();
    reconciliation_progress::finish(&mut connection, tenant, now, gateway, &claim, until, delay)
        .await?;
    Ok(ReconcileTurn::Done { summary, more_due })
}
