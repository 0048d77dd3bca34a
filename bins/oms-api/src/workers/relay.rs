//! Gives events their positions in the feed, as soon as they are committed.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oms_events::{EventsContext, Relayed, relay};
use oms_monitoring::metrics::{Counter, Metrics, MetricsError};
use oms_work::{CancellationToken, Next, Worker};

use super::next;

/// The pause after a turn that relayed everything.
///
/// Orders commit about a hundred times a second under load. A turn costs the same for one event as for a hundred, and a
/// turn for each commit caused nearly a third of all flushes. The first event after a quiet time does not wait, and a
/// full outbox is relayed without a pause.
const REST: Duration = Duration::from_millis(25);

/// The worker that relays events.
pub(super) struct Relay {
    pub(super) context: Arc<EventsContext>,
    pub(super) interval: Duration,
    pub(super) metrics: RelayMetrics,
}

#[async_trait]
impl Worker for Relay {
    fn name(&self) -> &'static str {
        "relay"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    async fn turn(&self, stopping: &CancellationToken) -> Next {
        match relay(&self.context, stopping).await {
            Ok(relayed) => {
                self.metrics.count(relayed);
                if relayed.events > 0 && !relayed.more {
                    let rest = tokio::time::sleep(REST);
                    let _: Option<()> = stopping.run_until_cancelled(rest).await;
                }
                next(relayed.more)
            }
            Err(error) => {
                let cause: &dyn Error = &error;
                tracing::warn!(cause, "events could not be relayed");
                Next::AfterInterval
            }
        }
    }
}

/// The counter of the relay.
pub(super) struct RelayMetrics {
    relayed: Counter<1>,
}

impl RelayMetrics {
    pub(super) fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        let help = "Events that got their position in the feed, and turns in which those of a tenant could not be relayed.";
        let relayed = metrics.counter("oms_events_relayed_total", help, &["outcome"])?;
        let counters = Self { relayed };
        counters.count(Relayed::default());
        Ok(counters)
    }

    fn count(&self, relayed: Relayed) {
        self.relayed.add(&["relayed"], relayed.events);
        self.relayed.add(&["failed"], relayed.failed);
    }
}
