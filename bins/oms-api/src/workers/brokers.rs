//! Publishes events to brokers, as soon as they have their positions.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oms_events::Publisher;
use oms_monitoring::metrics::{Metrics, MetricsError};
use oms_work::{CancellationToken, Next, Worker};

use super::next;

/// Registers the metrics of a publisher.
pub(super) fn register(metrics: &Metrics, publisher: &Arc<Publisher>) -> Result<(), MetricsError> {
    let sink = ("sink", publisher.name());
    let help = "Events that a broker has acknowledged, and tries that failed.";
    for (outcome, is_published) in [("published", true), ("failed", false)] {
        let counted = publisher.clone();
        let labels = [sink, ("outcome", outcome)];
        metrics.counter_from("oms_events_published_total", help, &labels, move || {
            counted.count(is_published)
        })?;
    }
    let measured = publisher.clone();
    metrics.gauge_from(
        "oms_events_sink_connected",
        "Whether this instance has a connection to a broker.",
        &[sink],
        move || f64::from(u8::from(measured.is_connected())),
    )?;
    let measured = publisher.clone();
    metrics.gauge_from(
        "oms_events_sink_oldest_seconds",
        "Age of the oldest event of any tenant that a broker has not acknowledged, measured once a minute.",
        &[sink],
        move || measured.oldest().as_secs_f64(),
    )
}

/// The worker that publishes to one sink.
pub(super) struct Publishing {
    publisher: Arc<Publisher>,
    interval: Duration,
}

impl Publishing {
    /// Creates the worker.
    pub(super) const fn new(publisher: Arc<Publisher>, interval: Duration) -> Self {
        Self {
            publisher,
            interval,
        }
    }
}

#[async_trait]
impl Worker for Publishing {
    fn name(&self) -> &'static str {
        self.publisher.name()
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    async fn turn(&self, stopping: &CancellationToken) -> Next {
        match self.publisher.turn(stopping).await {
            Ok(more) => next(more),
            Err(error) => {
                let cause: &dyn Error = &error;
                tracing::warn!(cause, sink = self.name(), "events could not be published");
                Next::AfterInterval
            }
        }
    }
}
