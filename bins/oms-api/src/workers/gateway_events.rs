//! Applies gateway events as soon as they are stored.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oms_monitoring::metrics::{Counter, Metrics, MetricsError};
use oms_orders::{AppliedEvents, OrderContext, apply_gateway_events};
use oms_work::{CancellationToken, Next, Worker};

use super::next;

/// The worker that applies gateway events.
pub(super) struct Applier {
    pub(super) context: Arc<OrderContext>,
    pub(super) interval: Duration,
    pub(super) metrics: EventMetrics,
}

#[async_trait]
impl Worker for Applier {
    fn name(&self) -> &'static str {
        "gateway_events"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    async fn turn(&self, _: &CancellationToken) -> Next {
        match apply_gateway_events(&self.context).await {
            Ok(applied) => {
                self.metrics.count(&applied);
                next(applied.more_due)
            }
            Err(error) => {
                let cause: &dyn Error = &error;
                tracing::warn!(cause, "gateway events could not be applied");
                Next::AfterInterval
            }
        }
    }
}

/// The counters of the applier.
pub(super) struct EventMetrics {
    events: Counter<1>,
}

impl EventMetrics {
    pub(super) fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        let help = "Gateway events that were claimed, by outcome.";
        let events = metrics.counter("oms_gateway_events_total", help, &["outcome"])?;
        for outcome in AppliedEvents::outcomes().chain(["postponed", "refused"]) {
            events.add(&[outcome], 0);
        }
        Ok(Self { events })
    }

    fn count(&self, applied: &AppliedEvents) {
        for (outcome, events) in &applied.done {
            self.events.add(&[outcome], *events);
        }
        let unfinished = [
            ("postponed", applied.postponed),
            ("refused", applied.refused),
        ];
        for (outcome, events) in unfinished.into_iter().filter(|(_, events)| *events > 0) {
            self.events.add(&[outcome], events);
        }
    }
}
