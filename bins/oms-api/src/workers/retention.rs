//! Deletes data whose retention period is over, and continues erasures of customers.
//!
//! All work is done in turns of bounded size, one tenant at a time.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use oms_database::{Database, DbError};
use oms_geocoding::purge_cached_locations;
use oms_monitoring::metrics::{Counter, Metrics, MetricsError};
use oms_orders::{
    AddressPass, LONGEST_WINDOW, OrderContext, OrderError, continue_erasures, oldest_erasure,
    purge_addresses,
};
use oms_payments::purge_gateway_events;
use oms_work::{CancellationToken, Next, Worker};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::next;
use crate::config::RetentionSettings;

/// Interval at which all orders beyond the retention period are checked again, to find those that were not settled
/// before.
const WHOLE_PASS: Duration = Duration::from_secs(7 * 86_400);

/// Label of erased addresses, beside the kinds that are purged by age.
const ADDRESSES: &str = "order_addresses";
const CUSTOMERS: &str = "customer_orders";

/// The kinds of data that are purged by age.
#[derive(Clone, Copy, Debug)]
enum Kind {
    GatewayEvents,
    GeocodingCache,
    OrderKeys,
    InventoryKeys,
    Declines,
    Events,
    WebhookAttempts,
    WebhookDeliveries,
    WebhookReplays,
    WebhookKeys,
    Sessions,
    SignInLinks,
}

impl Kind {
    const ALL: [Self; 12] = [
        Self::GatewayEvents,
        Self::GeocodingCache,
        Self::OrderKeys,
        Self::InventoryKeys,
        Self::Declines,
        Self::Events,
        Self::WebhookAttempts,
        Self::WebhookDeliveries,
        Self::WebhookReplays,
        Self::WebhookKeys,
        Self::Sessions,
        Self::SignInLinks,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::GatewayEvents => "gateway_events",
            Self::GeocodingCache => "geocoding_cache",
            Self::OrderKeys => "order_keys",
            Self::InventoryKeys => "inventory_keys",
            Self::Declines => "declines",
            Self::Events => "events",
            Self::WebhookAttempts => "webhook_attempts",
            Self::WebhookDeliveries => "webhook_deliveries",
            Self::WebhookReplays => "webhook_replays",
            Self::WebhookKeys => "webhook_keys",
            Self::Sessions => "console_sessions",
            Self::SignInLinks => "sign_in_links",
        }
    }

    /// `None`: kept forever.
    const fn kept_for(self, settings: &RetentionSettings) -> Option<Duration> {
        match self {
            Self::GatewayEvents => Some(settings.gateway_events),
            Self::GeocodingCache => Some(settings.geocoding),
            Self::OrderKeys | Self::InventoryKeys | Self::WebhookKeys => settings.keys,
            Self::Declines => Some(LONGEST_WINDOW),
            // They have expired by then.
            Self::Sessions | Self::SignInLinks => Some(Duration::ZERO),
            Self::Events
            | Self::WebhookAttempts
            | Self::WebhookDeliveries
            | Self::WebhookReplays => Some(settings.events),
        }
    }

    async fn turn(self, database: &Database, older_than: Duration) -> Result<usize, DbError> {
        let connection = &mut *database.acquire().await?;
        match self {
            Self::GatewayEvents => purge_gateway_events(connection, older_than).await,
            Self::GeocodingCache => purge_cached_locations(connection, older_than).await,
            Self::OrderKeys => oms_orders::purge_idempotency_keys(connection, older_than).await,
            Self::Declines => oms_orders::purge_declines(connection, older_than).await,
            Self::Events => oms_events::purge_feed(connection, older_than).await,
            Self::WebhookAttempts => oms_events::purge_attempts(connection, older_than).await,
            Self::WebhookDeliveries => oms_events::purge_deliveries(connection, older_than).await,
            Self::WebhookReplays => oms_events::purge_replays(connection, older_than).await,
            Self::WebhookKeys => oms_events::purge_webhook_keys(connection, older_than).await,
            Self::Sessions => oms_access::purge_sessions(connection, older_than).await,
            Self::SignInLinks => oms_access::purge_sign_in_links(connection, older_than).await,
            Self::InventoryKeys => {
                oms_inventory::purge_idempotency_keys(connection, older_than).await
            }
        }
    }
}

/// The worker that deletes old data.
pub(super) struct Purger {
    context: Arc<OrderContext>,
    database: Database,
    settings: RetentionSettings,
    removed: Removed,
    /// Progress of the pass over old orders, and when it started.
    pass: Mutex<(AddressPass, Instant)>,
}

impl Purger {
    pub(super) fn new(
        context: Arc<OrderContext>,
        database: Database,
        settings: RetentionSettings,
        removed: Removed,
    ) -> Self {
        Self {
            context,
            database,
            settings,
            removed,
            pass: Mutex::new((AddressPass::default(), Instant::now())),
        }
    }

    async fn purge(&self, kind: Kind) -> bool {
        let Some(older_than) = kind.kept_for(&self.settings) else {
            return false;
        };
        match kind.turn(&self.database, older_than).await {
            Ok(deleted) => {
                self.removed.count(kind.as_str(), deleted as u64);
                deleted > 0
            }
            Err(error) => {
                warn(&error, kind.as_str(), "old rows could not be deleted");
                false
            }
        }
    }

    async fn purge_addresses(&self, older_than: Duration) -> Result<bool, OrderError> {
        let (pass, since) = &mut *self.pass.lock().await;
        if since.elapsed() >= WHOLE_PASS {
            (*pass, *since) = (AddressPass::default(), Instant::now());
        }
        let turn = purge_addresses(&self.context, pass, older_than).await?;
        self.removed.count(ADDRESSES, turn.erased);
        Ok(turn.more)
    }
}

#[async_trait]
impl Worker for Purger {
    fn name(&self) -> &'static str {
        "retention"
    }

    fn interval(&self) -> Duration {
        self.settings.interval
    }

    async fn turn(&self, _: &CancellationToken) -> Next {
        let mut more = false;
        for kind in Kind::ALL {
            more |= self.purge(kind).await;
        }
        if let Some(older_than) = self.settings.addresses {
            match self.purge_addresses(older_than).await {
                Ok(more_orders) => more |= more_orders,
                Err(error) => warn(&error, ADDRESSES, "old addresses could not be erased"),
            }
        }
        next(more)
    }
}

/// The worker that continues erasures.
pub(super) struct Eraser {
    pub(super) context: Arc<OrderContext>,
    pub(super) interval: Duration,
    pub(super) removed: Removed,
    pub(super) oldest_s: Arc<AtomicU64>,
}

impl Eraser {
    async fn erase(&self) -> Result<bool, OrderError> {
        let turn = continue_erasures(&self.context).await?;
        self.removed.count(CUSTOMERS, turn.erased);
        let oldest = oldest_erasure(&self.context).await?.unwrap_or_default();
        self.oldest_s.store(oldest.as_secs(), Ordering::Relaxed);
        Ok(turn.more)
    }
}

#[async_trait]
impl Worker for Eraser {
    fn name(&self) -> &'static str {
        "erasures"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    async fn turn(&self, _: &CancellationToken) -> Next {
        match self.erase().await {
            Ok(more) => next(more),
            Err(error) => {
                warn(&error, CUSTOMERS, "a customer could not be erased");
                Next::AfterInterval
            }
        }
    }
}

fn warn(error: &(dyn Error + 'static), kind: &'static str, message: &str) {
    tracing::warn!(cause = error, kind, "{message}");
}

/// Counts removed rows and erased orders.
#[derive(Clone)]
pub(super) struct Removed(Counter<1>);

impl Removed {
    pub(super) fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        let help = "Rows that were deleted because of their age, and orders whose addresses or customers were erased in the background.";
        let removed = metrics.counter("oms_retention_removed_total", help, &["kind"])?;
        let kinds = Kind::ALL.into_iter().map(Kind::as_str);
        for kind in kinds.chain([ADDRESSES, CUSTOMERS]) {
            removed.add(&[kind], 0);
        }
        Ok(Self(removed))
    }

    fn count(&self, kind: &'static str, removed: u64) {
        self.0.add(&[kind], removed);
        if removed > 0 {
            tracing::info!(kind, removed, "old or personal data was removed");
        }
    }
}

/// Registers the age of the oldest open erasure, in seconds.
pub(super) fn register_oldest(metrics: &Metrics) -> Result<Arc<AtomicU64>, MetricsError> {
    let oldest_s: Arc<AtomicU64> = Arc::default();
    let help = "Age of the oldest incomplete request to erase a customer; 0 when there is none.";
    let sampled = oldest_s.clone();
    #[expect(
        clippy::cast_precision_loss,
        reason = "there are fewer than 2^52 seconds"
    )]
    metrics.gauge_from("oms_erasure_oldest_age_seconds", help, &[], move || {
        sampled.load(Ordering::Relaxed) as f64
    })?;
    Ok(oldest_s)
}
