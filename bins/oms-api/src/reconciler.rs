//! The background worker that compares the gateway's charges with our orders.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use oms_monitoring::metrics::{Counter, Metrics, MetricsError};
use oms_orders::{
    FindingKind, Going, OrderContext, OrderError, ReconcileObserver, ReconcileSchedule,
    ReconcileSummary, ReconcileTurn, Reconciliation, measure_reconciliation, reconcile_next,
    settle_due_findings,
};
use oms_validation::TenantId;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::workers::{Pulse, Worker};

/// Longest pause between two looks at what is due: findings that could not be put right, and the turn of an instance that
/// died.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The worker. When `stopping` comes it stops after the charge that it is at.
pub(crate) struct Reconciler {
    context: Arc<OrderContext>,
    own: TenantId,
    schedule: ReconcileSchedule,
    metrics: ReconcileMetrics,
    stopping: CancellationToken,
}

#[async_trait]
impl Worker for Reconciler {
    fn name(&self) -> &'static str {
        "reconciler"
    }

    async fn run(&self, pulse: &Pulse) {
        let mut ticks = tokio::time::interval(self.schedule.interval.min(LONGEST_PAUSE));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stopping = &self.stopping;
        while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Err(error) = settle_due_findings(&self.context).await {
                warn(&error, "findings could not be put right");
            }
            while !stopping.is_cancelled() && self.turn().await {
                pulse.beat();
            }
            match measure_reconciliation(&self.context, self.own).await {
                Ok(reconciliation) => self.metrics.measured(reconciliation),
                Err(error) => warn(&error, "the reconciliation could not be measured"),
            }
            pulse.beat();
        }
    }
}

impl Reconciler {
    /// `own` is the tenant that has the findings about charges of no tenant.
    pub(crate) fn new(
        context: Arc<OrderContext>,
        own: TenantId,
        schedule: ReconcileSchedule,
        metrics: &Metrics,
        stopping: CancellationToken,
    ) -> Result<Self, MetricsError> {
        Ok(Self {
            context,
            own,
            schedule,
            metrics: ReconcileMetrics::register(metrics)?,
            stopping,
        })
    }

    /// One turn; true when another one may be due.
    async fn turn(&self) -> bool {
        match reconcile_next(&self.context, self.own, &self.schedule, self).await {
            Ok(ReconcileTurn::NotDue) => false,
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
                // Other tenants may have been compared up to another time.
                summary.finished
            }
            Err(error) => {
                warn(
                    &error,
                    "the gateway's charges could not be compared with our orders",
                );
                false
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

fn warn(error: &OrderError, message: &str) {
    tracing::warn!(cause = error as &dyn Error, "{message}");
}

/// What is measured of the worker.
struct ReconcileMetrics {
    found: Counter<1>,
    charges: Counter<0>,
    open: Arc<AtomicU64>,
    age_s: Arc<AtomicU64>,
}

impl ReconcileMetrics {
    fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        let help = "Differences that were found between the gateway's books and ours, by kind";
        let found = metrics.counter("oms_reconciliation_findings_total", help, &["kind"])?;
        for kind in FindingKind::ALL {
            found.add(&[kind.as_str()], 0);
        }
        let help = "Charges of the gateway that were compared with our orders";
        let charges = metrics.counter("oms_reconciliation_charges_total", help, &[])?;
        let (open, age_s) = (Arc::default(), Arc::default());
        let help = "Open differences between the gateway's books and ours, of all tenants";
        metrics.gauge_from("oms_reconciliation_open_findings", help, &[], sample(&open))?;
        let help = "Time since the last completed comparison, of the tenant that is furthest behind; 0 before the first";
        metrics.gauge_from(
            "oms_reconciled_until_age_seconds",
            help,
            &[],
            sample(&age_s),
        )?;
        Ok(Self {
            found,
            charges,
            open,
            age_s,
        })
    }

    fn count(&self, summary: &ReconcileSummary) {
        self.charges.add(&[], summary.charges);
        for (_, kind) in &summary.found {
            self.found.increment(&[kind.as_str()]);
        }
    }

    fn measured(&self, reconciliation: Reconciliation) {
        let age = reconciliation.age.unwrap_or_default();
        self.open
            .store(reconciliation.open_findings, Ordering::Relaxed);
        self.age_s.store(age.as_secs(), Ordering::Relaxed);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "both stay far below 2^52: seconds, and findings"
)]
fn sample(value: &Arc<AtomicU64>) -> impl Fn() -> f64 + Send + Sync + use<> {
    let value = value.clone();
    move || value.load(Ordering::Relaxed) as f64
}
