//! The background worker that applies what the gateway reports, as soon as it was stored.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use oms_database::Database;
use oms_monitoring::metrics::{Counter, Metrics, MetricsError};
use oms_orders::{AppliedEvents, OrderContext, apply_gateway_events};
use oms_payments::{PaymentError, count_due_gateway_events};
use tokio::sync::Notify;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::workers::{Pulse, Worker};

/// What the worker does next.
enum Work {
    /// This process has stored a message.
    Apply,
    /// It is time to look for what other processes have stored, and for what was postponed.
    ApplyAndMeasure,
}

/// The worker. It looks each time that `news` says so, and every so often by itself. It finishes the turn that it is in when
/// `stopping` comes.
pub(crate) struct Applier {
    context: Arc<OrderContext>,
    database: Database,
    look_every: Duration,
    news: Arc<Notify>,
    metrics: EventMetrics,
    stopping: CancellationToken,
}

impl Applier {
    pub(crate) fn new(
        context: Arc<OrderContext>,
        database: Database,
        look_every: Duration,
        news: Arc<Notify>,
        metrics: &Metrics,
        stopping: CancellationToken,
    ) -> Result<Self, MetricsError> {
        Ok(Self {
            context,
            database,
            look_every,
            news,
            metrics: EventMetrics::register(metrics)?,
            stopping,
        })
    }

    async fn work(&self, work: Work) {
        match work {
            Work::Apply => apply(&self.context, &self.metrics, &self.stopping).await,
            Work::ApplyAndMeasure => {
                apply(&self.context, &self.metrics, &self.stopping).await;
                match measure(&self.database).await {
                    Ok(due) => self.metrics.due.store(due, Ordering::Relaxed),
                    Err(error) => warn(&error, "due webhooks could not be counted"),
                }
            }
        }
    }
}

#[async_trait]
impl Worker for Applier {
    fn name(&self) -> &'static str {
        "gateway_events"
    }

    async fn run(&self, pulse: &Pulse) {
        let mut looks = every(self.look_every);
        loop {
            let work = async {
                tokio::select! {
                    () = self.news.notified() => Work::Apply,
                    _ = looks.tick() => Work::ApplyAndMeasure,
                }
            };
            let Some(work) = self.stopping.run_until_cancelled(work).await else {
                return;
            };
            self.work(work).await;
            pulse.beat();
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Turn after turn while there is more to do.
async fn apply(context: &OrderContext, metrics: &EventMetrics, stopping: &CancellationToken) {
    loop {
        match apply_gateway_events(context).await {
            Ok(applied) => {
                metrics.count(&applied);
                if !applied.more_due || stopping.is_cancelled() {
                    return;
                }
            }
            Err(error) => {
                warn(&error, "webhooks could not be applied");
                return;
            }
        }
    }
}

async fn measure(database: &Database) -> Result<u64, PaymentError> {
    let mut connection = database.acquire().await?;
    count_due_gateway_events(&mut connection).await
}

fn warn(error: &(dyn Error + 'static), message: &str) {
    tracing::warn!(cause = error, "{message}");
}

struct EventMetrics {
    events: Counter<1>,
    due: Arc<AtomicU64>,
}

impl EventMetrics {
    fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        let help = "Messages of the gateway that were taken on, by what became of them";
        let events = metrics.counter("oms_gateway_events_total", help, &["outcome"])?;
        for outcome in AppliedEvents::outcomes().chain(["postponed", "refused"]) {
            events.add(&[outcome], 0);
        }
        let due: Arc<AtomicU64> = Arc::default();
        let help = "Messages of the gateway that have yet to be applied";
        let sampled = due.clone();
        #[expect(
            clippy::cast_precision_loss,
            reason = "there are fewer than 2^52 messages"
        )]
        metrics.gauge_from("oms_gateway_events_due", help, &[], move || {
            sampled.load(Ordering::Relaxed) as f64
        })?;
        Ok(Self { events, due })
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
