//! Compares the gateway's charges with our orders.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oms_monitoring::metrics::{Counter, Metrics, MetricsError};
use oms_orders::{
    FindingKind, Going, OrderContext, ReconcileObserver, ReconcileSchedule, ReconcileSummary,
    ReconcileTurn, reconcile_next, settle_due_findings,
};
use oms_validation::TenantId;
use oms_work::{CancellationToken, Next, Worker};

use super::next;

/// Maximum pause between two checks for due work: unsettled findings, and the turn of an instance that died.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The worker that settles findings which could not be settled when they were written.
pub(super) struct FindingSettler {
    pub(super) context: Arc<OrderContext>,
    pub(super) interval: Duration,
}

#[async_trait]
impl Worker for FindingSettler {
    fn name(&self) -> &'static str {
        "findings"
    }

    fn interval(&self) -> Duration {
        self.interval.min(LONGEST_PAUSE)
    }

    async fn turn(&self, _: &CancellationToken) -> Next {
        if let Err(error) = settle_due_findings(&self.context).await {
            warn(&error, "findings could not be settled");
        }
        Next::AfterInterval
    }
}

/// The worker that compares charges. To stop, it finishes the charge that it is working on.
pub(super) struct Reconciler {
    pub(super) context: Arc<OrderContext>,
    /// The tenant that receives findings about charges of no tenant.
    pub(super) own: TenantId,
    pub(super) schedule: ReconcileSchedule,
    pub(super) metrics: ReconcileMetrics,
    pub(super) stopping: CancellationToken,
}

#[async_trait]
impl Worker for Reconciler {
    fn name(&self) -> &'static str {
        "reconciler"
    }

    fn interval(&self) -> Duration {
        self.schedule.interval.min(LONGEST_PAUSE)
    }

    async fn turn(&self, _: &CancellationToken) -> Next {
        match reconcile_next(&self.context, self.own, &self.schedule, self).await {
            Ok(ReconcileTurn::NotDue) => Next::AfterInterval,
            Ok(ReconcileTurn::Done { summary, .. }) => {
                self.metrics.count(&summary);
                tracing::info!(
                    charges = summary.charges,
                    orders = summary.orders,
                    found = summary.found.len(),
                    settled = summary.settled.len(),
                    open = summary.open,
                    finished = summary.finished,
                    failed = summary.failed.len(),
                    "compared the gateway's charges with our orders"
                );
                // Other tenants may be due already.
                next(summary.finished)
            }
            Err(error) => {
                warn(
                    &error,
                    "the gateway's charges could not be compared with our orders",
                );
                Next::AfterInterval
            }
        }
    }
}

impl ReconcileObserver for Reconciler {
    fn progressed(&self, _: &ReconcileSummary) -> Going {
        match self.stopping.is_cancelled() {
            true => Going::Stop,
            false => Going::On,
        }
    }
}

fn warn(error: &(dyn Error + 'static), message: &str) {
    tracing::warn!(cause = error, "{message}");
}

/// The counters of the reconciler.
pub(super) struct ReconcileMetrics {
    found: Counter<1>,
    charges: Counter<0>,
}

impl ReconcileMetrics {
    pub(super) fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        let help = "Findings of the comparison with the gateway, by kind.";
        let found = metrics.counter("oms_reconciliation_findings_total", help, &["kind"])?;
        for kind in FindingKind::ALL {
            found.add(&[kind.as_str()], 0);
        }
        let help = "Charges of the gateway that were compared with our orders.";
        let charges = metrics.counter("oms_reconciliation_charges_total", help, &[])?;
        Ok(Self { found, charges })
    }

    fn count(&self, summary: &ReconcileSummary) {
        self.charges.add(&[], summary.charges);
        for (_, kind) in &summary.found {
            self.found.increment(&[kind.as_str()]);
        }
    }
}
