//! The background worker that settles the orders which were cut off, and measures how far behind it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use oms_monitoring::metrics::{Counter, Metrics, MetricsError};
use oms_orders::{Backlog, OrderContext, SweepSummary, measure_backlog, sweep_orders};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::workers::{Pulse, Worker};

/// The worker. It finishes the turn that it is in when `stopping` comes.
pub(crate) struct Sweeper {
    context: Arc<OrderContext>,
    interval: Duration,
    metrics: SweepMetrics,
    stopping: CancellationToken,
}

impl Sweeper {
    pub(crate) fn new(
        context: Arc<OrderContext>,
        interval: Duration,
        metrics: &Metrics,
        stopping: CancellationToken,
    ) -> Result<Self, MetricsError> {
        Ok(Self {
            context,
            interval,
            metrics: SweepMetrics::register(metrics)?,
            stopping,
        })
    }
}

#[async_trait]
impl Worker for Sweeper {
    fn name(&self) -> &'static str {
        "sweeper"
    }

    async fn run(&self, pulse: &Pulse) {
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stopping = &self.stopping;
        while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
            sweep(&self.context, &self.metrics, pulse, stopping).await;
        }
    }
}

/// Turn after turn while there is more to do: a backlog is worked off as fast as the gateway allows.
async fn sweep(
    context: &OrderContext,
    metrics: &SweepMetrics,
    pulse: &Pulse,
    stopping: &CancellationToken,
) {
    loop {
        let turn = sweep_orders(context).await;
        pulse.beat();
        // Also after a turn that did nothing, because the gateway is not available.
        match measure_backlog(context).await {
            Ok(backlog) => metrics.measured(backlog),
            Err(error) => warn(&error, "the backlog could not be measured"),
        }
        let more_due = match turn {
            Ok(summary) => {
                metrics.count(summary);
                summary.more_due
            }
            Err(error) => {
                warn(&error, "a sweep failed");
                false
            }
        };
        if !more_due || stopping.is_cancelled() {
            return;
        }
    }
}

fn warn(error: &(dyn std::error::Error + 'static), message: &str) {
    tracing::warn!(cause = error, "{message}");
}

/// What is measured of the sweeper.
struct SweepMetrics {
    tries: Counter<0>,
    swept: Counter<1>,
    lag_ms: Arc<AtomicU64>,
    open_dead_letters: Arc<AtomicU64>,
}

impl SweepMetrics {
    fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        let help = "Tries to settle an order; calls that the gateway's breaker refused are none";
        let tries = metrics.counter("oms_sweep_attempts_total", help, &[])?;
        let help = "Orders that the sweeper looked at, by what became of them";
        let swept = metrics.counter("oms_swept_orders_total", help, &["outcome"])?;
        for (outcome, _) in by_outcome(SweepSummary::default()) {
            swept.add(&[outcome], 0);
        }
        let (lag_ms, open_dead_letters) = (Arc::default(), Arc::default());
        let help = "For how long the order that the sweeper has to look at first has been due; 0 when none is";
        let lag_s = sample(&lag_ms, 1000.0);
        metrics.gauge_from("oms_sweep_lag_seconds", help, &[], lag_s)?;
        let help = "Orders that wait for a person";
        let open = sample(&open_dead_letters, 1.0);
        metrics.gauge_from("oms_dead_letters_open", help, &[], open)?;
        Ok(Self {
            tries,
            swept,
            lag_ms,
            open_dead_letters,
        })
    }

    fn measured(&self, backlog: Backlog) {
        let lag_ms = u64::try_from(backlog.sweep_lag.as_millis()).unwrap_or(u64::MAX);
        self.lag_ms.store(lag_ms, Ordering::Relaxed);
        self.open_dead_letters
            .store(backlog.open_dead_letters, Ordering::Relaxed);
    }

    fn count(&self, summary: SweepSummary) {
        self.tries.add(&[], summary.tries() as u64);
        for (outcome, orders) in by_outcome(summary) {
            self.swept.add(&[outcome], orders as u64);
        }
    }
}

fn by_outcome(summary: SweepSummary) -> [(&'static str, usize); 9] {
    [
        ("paid", summary.paid),
        ("failed", summary.failed),
        ("cancelled", summary.cancelled),
        ("refunded", summary.refunded),
        ("refund_failed", summary.refund_failed),
        ("postponed", summary.postponed),
        ("refused", summary.refused),
        ("dead_lettered", summary.dead_lettered),
        ("superseded", summary.superseded),
    ]
}

#[expect(
    clippy::cast_precision_loss,
    reason = "both stay far below 2^52: milliseconds of a backlog, and orders"
)]
fn sample(value: &Arc<AtomicU64>, divisor: f64) -> impl Fn() -> f64 + Send + Sync + use<> {
    let value = value.clone();
    move || value.load(Ordering::Relaxed) as f64 / divisor
}
