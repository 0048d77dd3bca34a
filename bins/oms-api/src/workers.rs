//! The background workers of the program.

mod backlog;
mod brokers;
mod evacuations;
mod failpoints;
mod fulfilment;
mod gateway_events;
mod reconciler;
mod relay;
mod retention;
mod returns;
mod statistics;
mod sweeper;
mod webhooks;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use oms_database::Database;
use oms_events::{
    APPENDED, Couriers, DELIVERABLE, EventSink, EventsContext, PUBLISHABLE, Publisher,
    WebhooksContext,
};
use oms_monitoring::metrics::{Metrics, MetricsError};
use oms_orders::OrderContext;
use oms_work::{CancellationToken, Heartbeat, Next, Runner, Worker};
use tokio::sync::{Mutex, Notify};
use tokio_util::task::TaskTracker;

use crate::config::Config;

/// The dependencies of the workers.
pub(crate) struct Surroundings<'a> {
    pub(crate) config: &'a Config,
    pub(crate) database: &'a Database,
    pub(crate) context: &'a Arc<OrderContext>,
    pub(crate) events: &'a Arc<EventsContext>,
    pub(crate) webhooks: &'a Arc<WebhooksContext>,
    /// The brokers to which events are published.
    pub(crate) brokers: Vec<Arc<dyn EventSink>>,
    /// Where alerts go.
    pub(crate) alerts: Vec<Arc<dyn EventSink>>,
    /// Tracks what must be finished before the program ends.
    pub(crate) tasks: &'a TaskTracker,
    /// Notified when a gateway event was stored.
    pub(crate) news: &'a Arc<Notify>,
    pub(crate) metrics: &'a Metrics,
    pub(crate) stopping: &'a CancellationToken,
}

/// Starts every worker of the program.
pub(crate) fn start(with: &Surroundings<'_>) -> anyhow::Result<Runner> {
    let Surroundings {
        config, metrics, ..
    } = with;
    let (context, database) = (|| with.context.clone(), || with.database.clone());
    let interval = config.sweep.interval;
    let mut workers = Workers {
        runner: Runner::new(with.stopping.clone()),
        metrics,
    };
    workers.add(statistics::Analyzer {
        database: database(),
    })?;
    workers.add(fulfilment::Opener::new(
        context(),
        config.fulfilment_interval,
    ))?;
    workers.add(returns::ReturnsSettler::new(
        context(),
        config.retention.interval,
    ))?;
    workers.add(sweeper::Sweeper {
        context: context(),
        interval,
        metrics: sweeper::SweepMetrics::register(metrics)?,
    })?;
    for sink in &with.alerts {
        let publisher = Arc::new(Publisher::new(with.events.clone(), sink.clone()));
        workers.add(brokers::Publishing::new(publisher, interval))?;
    }
    let applier = gateway_events::Applier {
        context: context(),
        interval: config.gateway_events_interval,
        metrics: gateway_events::EventMetrics::register(metrics)?,
    };
    workers.add_woken(applier, with.news.clone())?;
    let relay = relay::Relay {
        context: with.events.clone(),
        interval: config.events_interval,
        metrics: relay::RelayMetrics::register(metrics)?,
    };
    workers.add_woken(relay, &APPENDED)?;
    webhooks::register(metrics, with.webhooks)?;
    let dispatcher = webhooks::Dispatcher {
        couriers: Couriers::new(with.webhooks.clone(), with.tasks.clone()),
        interval: config.events_interval,
    };
    workers.add_woken(dispatcher, &DELIVERABLE)?;
    for sink in &with.brokers {
        let publisher = Arc::new(Publisher::new(with.events.clone(), sink.clone()));
        brokers::register(metrics, &publisher)?;
        let publishing = brokers::Publishing::new(publisher, config.events_interval);
        workers.add_woken(publishing, &PUBLISHABLE)?;
    }
    workers.add(evacuations::Evacuator {
        context: context(),
        interval,
        evacuated: evacuations::Evacuated::register(metrics)?,
    })?;
    let removed = retention::Removed::register(metrics)?;
    workers.add(retention::Purger::new(
        context(),
        database(),
        config.retention,
        removed.clone(),
    ))?;
    workers.add(retention::Eraser {
        context: context(),
        interval,
        removed,
        oldest_s: retention::register_oldest(metrics)?,
    })?;
    if let Some(schedule) = config.reconcile {
        workers.add(reconciler::FindingSettler {
            context: context(),
            interval: schedule.interval,
        })?;
        workers.add(reconciler::Reconciler {
            context: context(),
            own: config.tenant,
            schedule,
            metrics: reconciler::ReconcileMetrics::register(metrics)?,
            stopping: with.stopping.clone(),
        })?;
    }
    workers.add(backlog::BacklogGauges {
        context: context(),
        database: database(),
        compared: config.reconcile.map(|_| config.tenant),
        interval: measuring_interval(config),
        gauges: backlog::Gauges::register(metrics, config.reconcile.is_some())?,
        counted: Mutex::default(),
    })?;
    Ok(workers.runner)
}

/// The shortest interval of the workers whose backlogs are measured.
fn measuring_interval(config: &Config) -> Duration {
    let interval = config.sweep.interval.min(config.gateway_events_interval);
    let of_comparing = config.reconcile.map(|schedule| schedule.interval);
    of_comparing.map_or(interval, |it| it.min(interval))
}

/// A runner that exports metrics of its workers.
struct Workers<'a> {
    runner: Runner,
    metrics: &'a Metrics,
}

impl Workers<'_> {
    fn add(&mut self, worker: impl Worker) -> Result<(), MetricsError> {
        self.add_woken(worker, Arc::<Notify>::default())
    }

    fn add_woken(
        &mut self,
        worker: impl Worker,
        wake: impl Deref<Target = Notify> + Send + Sync + 'static,
    ) -> Result<(), MetricsError> {
        let worker = failpoints::WithFailpoints::of(worker);
        let heartbeat = self.runner.start_woken(worker, wake);
        measure(&heartbeat, self.metrics)
    }
}

fn measure(heartbeat: &Heartbeat, metrics: &Metrics) -> Result<(), MetricsError> {
    let labels = [("worker", heartbeat.worker())];
    let sampled = heartbeat.clone();
    metrics.gauge_from(
        "oms_worker_last_turn_timestamp_seconds",
        "When a background worker last completed a turn, in seconds since 1970. For `backlog`, this is the last update of the gauges of due work.",
        &labels,
        move || sampled.last_turn().as_secs_f64(),
    )?;
    let sampled = heartbeat.clone();
    metrics.counter_from(
        "oms_worker_panics_total",
        "Turns of a background worker that ended in a panic.",
        &labels,
        move || sampled.panics(),
    )
}

/// Whether a worker takes its next turn immediately or after its interval.
const fn next(more_due: bool) -> Next {
    match more_due {
        true => Next::Immediately,
        false => Next::AfterInterval,
    }
}
