//! Periodic reverse reconciliation: from the end of the last comparison, minus an overlap, up to now. One instance at a
//! time compares a tenant.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::reconcile_window::ReconcileWindow;
use crate::error::{OrderError, ReconcilingError};
use crate::service::reconciling::compared_tenants::compared_tenants;
use crate::service::reconciling::lease::Lease;
use crate::service::reconciling::reconcile_charges::reconcile;
use crate::service::reconciling::walk::{ReconcileObserver, ReconcileSummary, Tenants};
use crate::store::reconciliation_progress::{self, Claim};

/// Maximum advance of one turn, so that progress is kept while it catches up after a long pause.
const STEP: TimeDelta = TimeDelta::days(1);
/// Maximum pause after a failed turn.
const RETRY: Duration = Duration::from_secs(60);

/// The schedule of comparisons.
#[derive(Clone, Copy, Debug)]
pub struct ReconcileSchedule {
    /// Time from the end of one turn to the next.
    pub interval: Duration,
    /// Overlap of a turn with the last one, because charges can arrive late.
    pub overlap: Duration,
    /// How long an instance keeps its claim without extending it. Longer than the calls for one charge take.
    pub lease: Duration,
}

/// The result of one turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReconcileTurn {
    /// No comparison is due, or another instance is comparing.
    NotDue,
    /// A comparison was completed.
    Done {
        /// Its summary.
        summary: ReconcileSummary,
        /// Whether it did not reach the present: take another turn immediately.
        more_due: bool,
    },
}

/// Takes one turn, if one is due: compares the tenants that have waited longest, together if they were compared up to
/// the same time. The first turn of a tenant starts one overlap before now. `own` is the installation's own tenant,
/// which gets the findings about charges of no tenant.
///
/// # Errors
/// If the gateway or the database can't be reached. What was recorded stays, and the next turn starts where this one
/// did.
pub async fn reconcile_next(
    context: &OrderContext,
    own: TenantId,
    schedule: &ReconcileSchedule,
    observer: &dyn ReconcileObserver,
) -> Result<ReconcileTurn, ReconcilingError> {
    let known = compared_tenants(context, own).await?;
    let Some(claim) = claim(context, &known, schedule.lease).await? else {
        return Ok(ReconcileTurn::NotDue);
    };
    let until = claim.claimed_at.min(claim.reconciled_until + STEP);
    let overlap = TimeDelta::from_std(schedule.overlap).unwrap_or(STEP);
    // Includes the current second; charges that arrive later in it are in the next overlap.
    let to = until + TimeDelta::seconds(1);
    let window = ReconcileWindow::new(claim.reconciled_until - overlap, to, claim.claimed_at)?;
    let tenants = Tenants {
        own,
        known,
        compared: claim.tenants().collect(),
    };
    let more_due = until < claim.claimed_at;
    let lease = Lease::new(context, claim, schedule.lease);
    let retry = schedule.interval.min(RETRY);
    let summary = match reconcile(context, &tenants, &window, observer, Some(&lease)).await {
        Ok(summary) => summary,
        Err(error) => {
            lease.postpone(&lease.claim, retry).await?;
            return Err(error.into());
        }
    };
    if !summary.finished {
        lease.postpone(&lease.claim, Duration::ZERO).await?;
        return Ok(ReconcileTurn::Done {
            summary,
            more_due: false,
        });
    }
    let delay = if more_due {
        Duration::ZERO
    } else {
        schedule.interval
    };
    let failed: BTreeSet<TenantId> = summary.failed.iter().copied().collect();
    let compared = &tenants.compared - &failed;
    lease.finish(&compared, until, delay).await?;
    lease.postpone(&lease.claim.of(&failed), retry).await?;
    Ok(ReconcileTurn::Done { summary, more_due })
}

async fn claim(
    context: &OrderContext,
    tenants: &BTreeSet<TenantId>,
    lease: Duration,
) -> Result<Option<Claim>, OrderError> {
    let (now, gateway) = (context.now(), context.gateway.name());
    let mut connection = context.database.acquire().await?;
    reconciliation_progress::add(&mut connection, now, gateway, tenants).await?;
    let claimed =
        reconciliation_progress::claim(&mut connection, now, gateway, tenants, lease).await?;
    Ok(claimed)
}
