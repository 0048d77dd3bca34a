//! The background worker that ends orders which were cut off.

use std::sync::Arc;
use std::time::Duration;

use oms_monitoring::metrics::{Counter, Metrics, MetricsError};
use oms_orders::{OrderContext, SweepSummary, sweep_orders};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// Starts the worker. It finishes the sweep that it is in when `stopping` comes.
pub(crate) fn spawn(
    context: Arc<OrderContext>,
    interval: Duration,
    metrics: &Metrics,
    stopping: CancellationToken,
) -> Result<JoinHandle<()>, MetricsError> {
    let help = "Orders that the sweeper looked at, by what became of them";
    let swept = metrics.counter("oms_swept_orders_total", help, &["outcome"])?;
    Ok(tokio::spawn(async move {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
            match sweep_orders(&context).await {
                Ok(summary) => count(&swept, summary),
                Err(error) => {
                    tracing::warn!(cause = &error as &dyn std::error::Error, "a sweep failed");
                }
            }
        }
    }))
}

fn count(swept: &Counter<1>, summary: SweepSummary) {
    let outcomes = [
        ("paid", summary.paid),
        ("failed", summary.failed),
        ("postponed", summary.postponed),
        ("superseded", summary.superseded),
    ];
    for (outcome, orders) in outcomes.into_iter().filter(|(_, orders)| *orders > 0) {
        swept.add(&[outcome], orders as u64);
    }
}
