//! Measures how much work is due, for the gauges. This is a worker of its own, so that the gauges stay correct when the
//! worker that does the work has stopped. Its last turn shows how old the gauges are.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use oms_database::{Database, DbError};
use oms_events::{
    DELIVERY_STATES, ENDPOINT_STATES, OutboxBacklog, WebhookBacklog, measure_outbox,
    measure_webhooks,
};
use oms_fulfilment::{OPEN_STATUSES, OpenCounts, count_open_fulfilment_orders};
use oms_monitoring::metrics::{Metrics, MetricsError};
use oms_orders::{OrderContext, measure_backlog, measure_evacuations, measure_reconciliation};
use oms_payments::{PaymentError, count_due_gateway_events};
use oms_validation::TenantId;
use oms_work::{CancellationToken, Next, Worker};
use tokio::sync::Mutex;

/// The worker that measures the backlogs.
pub(super) struct BacklogGauges {
    pub(super) context: Arc<OrderContext>,
    pub(super) database: Database,
    /// The installation's own tenant, if charges are compared.
    pub(super) compared: Option<TenantId>,
    pub(super) interval: Duration,
    pub(super) gauges: Gauges,
    /// When the entries were counted last of which a count reads all.
    pub(super) counted: Mutex<Option<Instant>>,
}

/// The pause between two counts of open fulfilment orders and of webhooks, because a count reads all of them.
const COUNT_PAUSE: Duration = Duration::from_secs(60);

#[async_trait]
impl Worker for BacklogGauges {
    fn name(&self) -> &'static str {
        "backlog"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    async fn turn(&self, _: &CancellationToken) -> Next {
        let gauges = &self.gauges;
        match measure_backlog(&self.context).await {
            Ok(backlog) => {
                set_ms(&gauges.sweep_lag_ms, backlog.sweep_lag);
                set(&gauges.open_dead_letters, backlog.open_dead_letters);
            }
            Err(error) => warn(&error, "orders to settle"),
        }
        match measure_evacuations(&self.context).await {
            Ok(standstill) => set_ms(&gauges.standstill_ms, standstill.unwrap_or_default()),
            Err(error) => warn(&error, "evacuations"),
        }
        match count_events(&self.database).await {
            Ok(due) => set(&gauges.due_gateway_events, due),
            Err(error) => warn(&error, "gateway events"),
        }
        match measure_relay(&self.database).await {
            Ok(backlog) => {
                set(&gauges.outbox_rows, backlog.rows);
                set_ms(&gauges.relay_lag_ms, backlog.oldest);
            }
            Err(error) => warn(&error, "events to relay"),
        }
        if let Some(own) = self.compared {
            match measure_reconciliation(&self.context, own).await {
                Ok(measured) => {
                    set(&gauges.open_findings, measured.open_findings);
                    set_ms(&gauges.reconciled_age_ms, measured.age.unwrap_or_default());
                }
                Err(error) => warn(&error, "findings"),
            }
        }
        if self.is_time_to_count().await {
            self.count_fulfilment_orders().await;
            self.count_webhooks().await;
        }
        Next::AfterInterval
    }
}

impl BacklogGauges {
    async fn is_time_to_count(&self) -> bool {
        let mut counted = self.counted.lock().await;
        let is_time = counted.is_none_or(|last| last.elapsed() >= COUNT_PAUSE);
        if is_time {
            *counted = Some(Instant::now());
        }
        is_time
    }

    async fn count_fulfilment_orders(&self) {
        match count_open(&self.database).await {
            Ok(counts) => {
                let gauges = &self.gauges;
                for (gauge, count) in gauges.open_fulfilment_orders.iter().zip(counts.by_status) {
                    set(gauge, count);
                }
                set(&gauges.unroutable, counts.unroutable);
            }
            Err(error) => warn(&error, "fulfilment orders"),
        }
    }

    async fn count_webhooks(&self) {
        match measure_endpoints(&self.database).await {
            Ok(backlog) => {
                let gauges = &self.gauges;
                for (gauge, count) in gauges.endpoints.iter().zip(backlog.endpoints) {
                    set(gauge, count);
                }
                for (gauge, count) in gauges.deliveries.iter().zip(backlog.deliveries) {
                    set(gauge, count);
                }
                set(&gauges.webhook_replays, backlog.replays);
                set(&gauges.webhook_events, backlog.events);
                set_ms(&gauges.webhook_oldest_ms, backlog.oldest);
            }
            Err(error) => warn(&error, "webhooks"),
        }
    }
}

async fn count_open(database: &Database) -> Result<OpenCounts, DbError> {
    let mut connection = database.acquire().await?;
    count_open_fulfilment_orders(&mut connection, None).await
}

async fn measure_endpoints(database: &Database) -> Result<WebhookBacklog, DbError> {
    let mut connection = database.acquire().await?;
    measure_webhooks(&mut connection).await
}

async fn measure_relay(database: &Database) -> Result<OutboxBacklog, DbError> {
    let mut connection = database.acquire().await?;
    measure_outbox(&mut connection).await
}

async fn count_events(database: &Database) -> Result<u64, PaymentError> {
    let mut connection = database.acquire().await?;
    count_due_gateway_events(&mut connection).await
}

fn set(gauge: &AtomicU64, value: u64) {
    gauge.store(value, Ordering::Relaxed);
}

fn set_ms(gauge: &AtomicU64, value: Duration) {
    set(gauge, u64::try_from(value.as_millis()).unwrap_or(u64::MAX));
}

fn warn(error: &(dyn Error + 'static), backlog: &str) {
    tracing::warn!(cause = error, backlog, "a backlog could not be measured");
}

/// The latest measurements.
#[derive(Default)]
pub(super) struct Gauges {
    sweep_lag_ms: Arc<AtomicU64>,
    open_dead_letters: Arc<AtomicU64>,
    due_gateway_events: Arc<AtomicU64>,
    standstill_ms: Arc<AtomicU64>,
    outbox_rows: Arc<AtomicU64>,
    relay_lag_ms: Arc<AtomicU64>,
    open_findings: Arc<AtomicU64>,
    reconciled_age_ms: Arc<AtomicU64>,
    open_fulfilment_orders: [Arc<AtomicU64>; OPEN_STATUSES.len()],
    unroutable: Arc<AtomicU64>,
    endpoints: [Arc<AtomicU64>; ENDPOINT_STATES.len()],
    deliveries: [Arc<AtomicU64>; DELIVERY_STATES.len()],
    webhook_replays: Arc<AtomicU64>,
    webhook_events: Arc<AtomicU64>,
    webhook_oldest_ms: Arc<AtomicU64>,
}

impl Gauges {
    /// Registers the gauges. Those of the reconciliation exist only if charges are compared.
    pub(super) fn register(metrics: &Metrics, compares: bool) -> Result<Self, MetricsError> {
        let gauges = Self::default();
        let of_work: [Gauge<'_>; 10] = [
            (
                "oms_sweep_lag_seconds",
                "Time for which the first order of the sweeper's work list has been due; 0 when none is due.",
                &gauges.sweep_lag_ms,
                1000.0,
            ),
            (
                "oms_dead_letters_open",
                "Open dead letters: orders that need an operator.",
                &gauges.open_dead_letters,
                1.0,
            ),
            (
                "oms_gateway_events_due",
                "Gateway events that are stored and not yet applied.",
                &gauges.due_gateway_events,
                1.0,
            ),
            (
                "oms_evacuation_standstill_seconds",
                "Longest time for which an evacuation in progress has moved and held nothing; 0 when none is in progress.",
                &gauges.standstill_ms,
                1000.0,
            ),
            (
                "oms_events_outbox_rows",
                "Transactions whose events have no position in the feed yet, counted up to 100,000.",
                &gauges.outbox_rows,
                1.0,
            ),
            (
                "oms_events_relay_lag_seconds",
                "Age of the oldest of these transactions; 0 when there is none.",
                &gauges.relay_lag_ms,
                1000.0,
            ),
            (
                "oms_fulfilment_orders_unroutable",
                "Fulfilment orders of all tenants on hold under the handle `rerouting`, because no warehouse can send them, counted once a minute.",
                &gauges.unroutable,
                1.0,
            ),
            (
                "oms_webhook_replays_running",
                "Replays of all tenants that are running or wait until their endpoint is enabled, counted once a minute.",
                &gauges.webhook_replays,
                1.0,
            ),
            (
                "oms_webhook_backlog_events",
                "Events that the enabled webhook endpoint that is furthest behind has not received, counted once a minute in up to 100 segments of the feed.",
                &gauges.webhook_events,
                1.0,
            ),
            (
                "oms_webhook_oldest_seconds",
                "Age of the oldest event that an enabled webhook endpoint has not received, without those that it rejected; measured once a minute.",
                &gauges.webhook_oldest_ms,
                1000.0,
            ),
        ];
        let of_comparing: [Gauge<'_>; 2] = [
            (
                "oms_reconciliation_open_findings",
                "Open findings of all tenants: differences between the gateway's charges and our orders, failed refunds and disputes.",
                &gauges.open_findings,
                1.0,
            ),
            (
                "oms_reconciled_until_age_seconds",
                "Time since the last completed comparison with the gateway, of the tenant that is furthest behind; 0 before the first.",
                &gauges.reconciled_age_ms,
                1000.0,
            ),
        ];
        let of_comparing = of_comparing.into_iter().filter(|_| compares);
        for (name, help, value, divisor) in of_work.into_iter().chain(of_comparing) {
            metrics.gauge_from(name, help, &[], sample(value, divisor))?;
        }
        let help = "Fulfilment orders of all tenants of which something is left to send, by status, counted once a minute. `on_hold` and `scheduled` must not be sent now.";
        for (status, value) in OPEN_STATUSES.iter().zip(&gauges.open_fulfilment_orders) {
            let status = status.as_str().to_lowercase();
            let labels = [("status", status.as_str())];
            metrics.gauge_from(
                "oms_fulfilment_orders_open",
                help,
                &labels,
                sample(value, 1.0),
            )?;
        }
        let help = "Webhook endpoints of all tenants by state, counted once a minute. `failing` ones are enabled and can't be reached.";
        for (state, value) in ENDPOINT_STATES.iter().zip(&gauges.endpoints) {
            let labels = [("state", *state)];
            metrics.gauge_from("oms_webhook_endpoints", help, &labels, sample(value, 1.0))?;
        }
        let help = "Events of all tenants that webhook endpoints rejected, by state, counted once a minute. `behind` ones wait for an earlier event of their subject.";
        for (state, value) in DELIVERY_STATES.iter().zip(&gauges.deliveries) {
            let labels = [("state", *state)];
            metrics.gauge_from("oms_webhook_deliveries", help, &labels, sample(value, 1.0))?;
        }
        Ok(gauges)
    }
}

/// Name, help text and value of a gauge, and the number of the value's units in one unit of the metric.
type Gauge<'a> = (&'static str, &'static str, &'a Arc<AtomicU64>, f64);

#[expect(
    clippy::cast_precision_loss,
    reason = "all stay far below 2^52: milliseconds of a backlog, and entries"
)]
fn sample(value: &Arc<AtomicU64>, divisor: f64) -> impl Fn() -> f64 + Send + Sync + use<> {
    let value = value.clone();
    move || value.load(Ordering::Relaxed) as f64 / divisor
}
