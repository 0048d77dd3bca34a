//! The background worker that deletes what was kept for long enough, and goes on with erasures of customers.
//!
//! Everything is done in turns of bounded size, one after the other, tenant by tenant.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use oms_database::{Database, DbError};
use oms_geocoding::purge_cached_locations;
use oms_monitoring::metrics::{Counter, Metrics, MetricsError};
use oms_orders::{
    AddressPass, OrderContext, OrderError, continue_erasures, oldest_erasure, purge_addresses,
};
use oms_payments::purge_gateway_events;
use tokio::sync::Mutex;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::config::RetentionSettings;
use crate::workers::{Pulse, Worker};

/// How often all orders that are old enough are looked at again, for those that were not settled before.
const WHOLE_PASS: Duration = Duration::from_secs(7 * 86_400);

/// What is purged by age.
#[derive(Clone, Copy, Debug)]
enum Kind {
    GatewayEvents,
    GeocodingCache,
    OrderKeys,
    InventoryKeys,
}

impl Kind {
    const ALL: [Self; 4] = [
        Self::GatewayEvents,
        Self::GeocodingCache,
        Self::OrderKeys,
        Self::InventoryKeys,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::GatewayEvents => "gateway_events",
            Self::GeocodingCache => "geocoding_cache",
            Self::OrderKeys => "order_keys",
            Self::InventoryKeys => "inventory_keys",
        }
    }

    /// `None`: it is kept for ever.
    fn kept_for(self, settings: &RetentionSettings) -> Option<Duration> {
        match self {
            Self::GatewayEvents => Some(settings.gateway_events),
            Self::GeocodingCache => Some(settings.geocoding),
            Self::OrderKeys | Self::InventoryKeys => settings.keys,
        }
    }

    async fn turn(self, database: &Database, older_than: Duration) -> Result<usize, DbError> {
        let connection = &mut *database.acquire().await?;
        match self {
            Self::GatewayEvents => purge_gateway_events(connection, older_than).await,
            Self::GeocodingCache => purge_cached_locations(connection, older_than).await,
            Self::OrderKeys => oms_orders::purge_idempotency_keys(connection, older_than).await,
            Self::InventoryKeys => {
                oms_inventory::purge_idempotency_keys(connection, older_than).await
            }
        }
    }
}

/// What is counted of orders, beside the kinds above.
const ADDRESSES: &str = "order_addresses";
const CUSTOMERS: &str = "customer_orders";

/// The worker. It finishes the turn that it is in when `stopping` comes.
pub(crate) struct Retention {
    context: Arc<OrderContext>,
    database: Database,
    settings: RetentionSettings,
    look_every: Duration,
    metrics: RetentionMetrics,
    /// How far the pass over old orders is, and since when.
    pass: Mutex<(AddressPass, Instant)>,
    stopping: CancellationToken,
}

/// What the worker does next.
enum Work {
    Purge,
    Erase,
}

impl Retention {
    /// Erasures are looked for at every `look_every`.
    pub(crate) fn new(
        context: Arc<OrderContext>,
        database: Database,
        settings: RetentionSettings,
        look_every: Duration,
        metrics: &Metrics,
        stopping: CancellationToken,
    ) -> Result<Self, MetricsError> {
        Ok(Self {
            context,
            database,
            settings,
            look_every,
            metrics: RetentionMetrics::register(metrics)?,
            pass: Mutex::new((AddressPass::default(), Instant::now())),
            stopping,
        })
    }

    async fn purge(&self, pulse: &Pulse) {
        for kind in Kind::ALL {
            let Some(older_than) = kind.kept_for(&self.settings) else {
                continue;
            };
            if let Err(error) = self.purge_kind(kind, older_than, pulse).await {
                warn(&error, kind.as_str(), "old rows could not be deleted");
            }
        }
        if let Some(older_than) = self.settings.addresses
            && let Err(error) = self.purge_addresses(older_than, pulse).await
        {
            warn(&error, ADDRESSES, "old addresses could not be erased");
        }
    }

    /// Turn after turn until nothing old is left.
    async fn purge_kind(
        &self,
        kind: Kind,
        older_than: Duration,
        pulse: &Pulse,
    ) -> Result<(), DbError> {
        loop {
            let deleted = kind.turn(&self.database, older_than).await?;
            self.metrics.count(kind.as_str(), deleted as u64);
            pulse.beat();
            if deleted == 0 || self.stopping.is_cancelled() {
                return Ok(());
            }
        }
    }

    /// Turn after turn until the pass is over.
    async fn purge_addresses(&self, older_than: Duration, pulse: &Pulse) -> Result<(), OrderError> {
        let (pass, since) = &mut *self.pass.lock().await;
        if since.elapsed() >= WHOLE_PASS {
            (*pass, *since) = (AddressPass::default(), Instant::now());
        }
        loop {
            let turn = purge_addresses(&self.context, pass, older_than).await?;
            self.metrics.count(ADDRESSES, turn.erased);
            pulse.beat();
            if !turn.more || self.stopping.is_cancelled() {
                return Ok(());
            }
        }
    }

    async fn erase(&self, pulse: &Pulse) -> Result<(), OrderError> {
        loop {
            let turn = continue_erasures(&self.context).await?;
            self.metrics.count(CUSTOMERS, turn.erased);
            pulse.beat();
            if !turn.more || self.stopping.is_cancelled() {
                break;
            }
        }
        let oldest = oldest_erasure(&self.context).await?.unwrap_or_default();
        self.metrics
            .oldest_s
            .store(oldest.as_secs(), Ordering::Relaxed);
        Ok(())
    }
}

#[async_trait]
impl Worker for Retention {
    fn name(&self) -> &'static str {
        "retention"
    }

    async fn run(&self, pulse: &Pulse) {
        let (mut purges, mut looks) = (every(self.settings.interval), every(self.look_every));
        loop {
            let work = async {
                tokio::select! {
                    _ = looks.tick() => Work::Erase,
                    _ = purges.tick() => Work::Purge,
                }
            };
            match self.stopping.run_until_cancelled(work).await {
                Some(Work::Purge) => self.purge(pulse).await,
                Some(Work::Erase) => {
                    if let Err(error) = self.erase(pulse).await {
                        warn(&error, CUSTOMERS, "a customer could not be erased");
                    }
                }
                None => return,
            }
            pulse.beat();
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn warn(error: &(dyn Error + 'static), kind: &'static str, message: &str) {
    tracing::warn!(cause = error, kind, "{message}");
}

struct RetentionMetrics {
    done: Counter<1>,
    oldest_s: Arc<AtomicU64>,
}

impl RetentionMetrics {
    fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        let help = "Rows deleted, and orders erased, because they were kept for long enough or a customer was erased";
        let done = metrics.counter("oms_retention_removed_total", help, &["kind"])?;
        let kinds = Kind::ALL.into_iter().map(Kind::as_str);
        for kind in kinds.chain([ADDRESSES, CUSTOMERS]) {
            done.add(&[kind], 0);
        }
        let oldest_s: Arc<AtomicU64> = Arc::default();
        let help = "Age of the oldest request to erase a customer that is not complete; 0 when there is none";
        let sampled = oldest_s.clone();
        #[expect(
            clippy::cast_precision_loss,
            reason = "there are fewer than 2^52 seconds"
        )]
        metrics.gauge_from("oms_erasure_oldest_age_seconds", help, &[], move || {
            sampled.load(Ordering::Relaxed) as f64
        })?;
        Ok(Self { done, oldest_s })
    }

    fn count(&self, kind: &'static str, removed: u64) {
        self.done.add(&[kind], removed);
        if removed > 0 {
            tracing::info!(kind, removed, "old or personal data was removed");
        }
    }
}
