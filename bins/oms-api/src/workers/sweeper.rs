//! Settles interrupted orders.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oms_monitoring::metrics::{Counter, Metrics, MetricsError};
use oms_orders::{OrderContext, SweepSummary, sweep_orders};
use oms_work::{CancellationToken, Next, Worker};

use super::next;

/// The worker that settles them.
pub(super) struct Sweeper {
    pub(super) context: Arc<OrderContext>,
    pub(super) interval: Duration,
    pub(super) metrics: SweepMetrics,
}

#[async_trait]
impl Worker for Sweeper {
    fn name(&self) -> &'static str {
        "sweeper"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    async fn turn(&self, _: &CancellationToken) -> Next {
        match sweep_orders(&self.context).await {
            Ok(summary) => {
                self.metrics.count(summary);
                next(summary.more_due)
            }
            Err(error) => {
                let cause: &dyn Error = &error;
                tracing::warn!(cause, "a sweep failed");
                Next::AfterInterval
            }
        }
    }
}

/// The counters of the sweeper.
pub(super) struct SweepMetrics {
    tries: Counter<0>,
    swept: Counter<1>,
}

impl SweepMetrics {
    pub(super) fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        let help =
            "Attempts to settle an order, excluding those that the gateway's breaker refused.";
        let tries = metrics.counter("oms_sweep_attempts_total", help, &[])?;
        let help = "Orders that the sweeper attempted to settle, by outcome.";
        let swept = metrics.counter("oms_swept_orders_total", help, &["outcome"])?;
        for (outcome, _) in by_outcome(SweepSummary::default()) {
            swept.add(&[outcome], 0);
        }
        Ok(Self { tries, swept })
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
