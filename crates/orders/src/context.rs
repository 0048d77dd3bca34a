//! The context that the use cases of orders share.

pub(crate) mod batches;
mod bounds_memory;
mod recent_keys;
mod settings_memory;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use oms_batching::Limits;
use oms_database::{Database, DbError, LockQueues, PooledConnection};
use oms_geocoding::Geocoder;
use oms_payments::{PaymentBatches, PaymentGateway};
use oms_validation::{Currency, InstallationId, TenantId};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::domain::bounds::{Bound, Exceeded, OrderBounds};
use crate::domain::clock::{Clock, DatabaseClock, Now};
use crate::domain::order::Order;
use crate::domain::placing_outcome::{PlacingOutcome, PlacingOutcomes};
use crate::domain::status::OrderStatus;

use batches::OrderBatches;
use bounds_memory::BoundsMemory;
use recent_keys::RecentKeys;
use settings_memory::SettingsMemory;

pub use batches::BatchCounts;

/// Maximum number of batches of one kind in flight, over all tenants.
const BATCHES_IN_FLIGHT: usize = 4;

/// The dependencies and settings of the use cases.
pub struct OrderContext {
    pub(crate) database: Database,
    pub(crate) gateway: Arc<dyn PaymentGateway>,
    pub(crate) geocoder: Arc<dyn Geocoder>,
    /// The geocoder for previews. It may be a separate one, because previews cost the caller nothing and could use up
    /// the lookups of orders.
    pub(crate) preview_geocoder: Arc<dyn Geocoder>,
    pub(crate) settings: OrderSettings,
    pub(crate) batches: OrderBatches,
    pub(crate) payment_batches: PaymentBatches,
    pub(crate) outcomes: PlacingOutcomes,
    pub(crate) bounds: BoundsMemory,
    pub(crate) recent_keys: RecentKeys,
    pub(crate) tenant_settings: SettingsMemory,
    /// The installation, to tell operators which installation a charge belongs to.
    pub(crate) installation: Option<InstallationId>,
    /// Cancelled when the program stops, so that no further batch of background work begins.
    pub(crate) stopping: CancellationToken,
    clock: Arc<dyn Clock>,
    admissions: Semaphore,
    pub(crate) locks: LockQueues,
}

impl OrderContext {
    /// Creates a context. New orders get at most three quarters of the pool's connections; the rest is for settling
    /// accepted orders and for reading.
    ///
    /// Must be called inside the tokio runtime that runs the batches.
    pub fn new(
        database: Database,
        gateway: Arc<dyn PaymentGateway>,
        geocoder: Arc<dyn Geocoder>,
        settings: OrderSettings,
    ) -> Self {
        let database_size = database.status().max_size;
        let admitted = (database_size * 3 / 4).max(1);
        let in_flight = match settings.batch_max {
            1 => admitted,
            _ => admitted.min(BATCHES_IN_FLIGHT),
        };
        let limits = Limits {
            wait: settings.batch_wait,
            overdue: settings.batch_overdue,
            ..Limits::of_batches(settings.batch_max, settings.batches_in_flight, in_flight)
        };
        Self {
            batches: OrderBatches::new(limits),
            payment_batches: PaymentBatches::new(database.clone(), limits),
            outcomes: PlacingOutcomes::default(),
            bounds: BoundsMemory::default(),
            recent_keys: RecentKeys::default(),
            tenant_settings: SettingsMemory::default(),
            locks: LockQueues::new(database.clone(), settings.batch_wait),
            database,
            gateway,
            preview_geocoder: geocoder.clone(),
            geocoder,
            settings,
            installation: None,
            stopping: CancellationToken::new(),
            clock: Arc::new(DatabaseClock),
            admissions: Semaphore::new(admitted),
        }
    }

    /// Replaces the database's clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets a separate geocoder for previews, so that their lookups don't use up those of orders.
    #[must_use]
    pub fn with_preview_geocoder(mut self, geocoder: Arc<dyn Geocoder>) -> Self {
        self.preview_geocoder = geocoder;
        self
    }

    /// Ends background work when `stopping` is cancelled.
    #[must_use]
    pub fn with_stopping(mut self, stopping: CancellationToken) -> Self {
        self.stopping = stopping;
        self
    }

    /// Sets the installation.
    #[must_use]
    pub fn with_installation(mut self, installation: InstallationId) -> Self {
        self.installation = Some(installation);
        self
    }

    /// The current time, for one statement or one transaction.
    pub(crate) fn now(&self) -> Now {
        self.clock.now()
    }

    /// Returns the tenants that workers visit while the tenants with due entries cannot be found.
    pub(crate) fn tenants_meanwhile(&self) -> Vec<TenantId> {
        let known = self.database.tenants().meanwhile();
        known.into_iter().map(TenantId::from).collect()
    }

    /// The batch counts so far.
    pub fn batch_counts(&self) -> BatchCounts {
        self.batches.counts(&self.payment_batches)
    }

    /// Age of the oldest batch in progress, of any kind. `None` if there is none.
    pub fn oldest_batch(&self) -> Option<Duration> {
        let ages = [self.batches.oldest(), self.payment_batches.oldest()];
        ages.into_iter().flatten().max()
    }

    /// Whether a batch has been in progress for too long: the database is slow or silent, and requests wait in vain.
    pub fn is_stuck(&self) -> bool {
        let bound = self.settings.batch_wait + self.settings.batch_overdue;
        self.oldest_batch().is_some_and(|age| age > bound)
    }

    /// Number of requests to place an order with this outcome.
    pub fn placed(&self, outcome: PlacingOutcome) -> u64 {
        self.outcomes.counted(outcome)
    }

    /// Number of requests that reached this limit.
    pub fn exceeded(&self, bound: Bound) -> u64 {
        self.bounds.counted(bound)
    }

    /// Counts a request that reached a limit.
    pub(crate) fn count_exceeded(&self, exceeded: &Exceeded) {
        self.bounds.count(exceeded.bound);
    }

    /// Waits for a turn, and acquires a connection for a new order.
    pub(crate) async fn admit(&self) -> Result<Admission<'_>, DbError> {
        let turn = timeout(self.settings.batch_wait, self.admissions.acquire()).await;
        let permit = turn
            .map_err(|_| DbError::Unavailable("too many new orders are waiting".to_owned()))?
            .expect("the semaphore is never closed");
        Ok(Admission {
            connection: self.database.acquire().await?,
            _permit: permit,
        })
    }
}

/// The connection of a new order.
pub(crate) struct Admission<'a> {
    pub(crate) connection: PooledConnection,
    _permit: SemaphorePermit<'a>,
}

/// What happens to an order whose payment was declined, or is otherwise proven dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeclinePolicy {
    /// It fails, and its stock is released immediately.
    Fail,
    /// It keeps its stock until its deadline, so that another payment method can be tried.
    Hold,
}

/// Settings of orders.
#[derive(Clone, Copy, Debug)]
pub struct OrderSettings {
    /// The currency that orders are placed in.
    pub currency: Currency,
    /// Maximum number of a tenant's orders placed together. 1 places each separately.
    pub batch_max: usize,
    /// Maximum number of a tenant's batches in flight.
    pub batches_in_flight: usize,
    /// Maximum time that an order waits for its batch, or for locked stock.
    pub batch_wait: Duration,
    /// How long a batch in progress keeps others of its kind from starting.
    pub batch_overdue: Duration,
    /// How long the sweeper leaves a new order alone. Longer than the gateway calls of one order can take, so that the
    /// sweeper only looks at interrupted orders.
    pub sweep_after: Duration,
    /// How long the sweeper's claim on an order lasts. Longer than it takes to settle one.
    pub sweep_lease: Duration,
    /// Maximum number of a tenant's orders claimed together. All are settled concurrently, since an order that waited
    /// for its turn could outlive its lease.
    pub sweep_batch: usize,
    /// Minimum and maximum pause between two tries to settle an order.
    pub sweep_backoff: (Duration, Duration),
    /// Number of tries before the sweeper leaves an order to an operator.
    pub sweep_max_tries: u32,
    /// Time that an order has to be paid. After it, the payment is cancelled and the order fails.
    pub pending_payment_deadline: Duration,
    /// What happens to an order whose payment was declined.
    pub decline_policy: DeclinePolicy,
    /// Limits on the unpaid orders and declined payments of customers, tenants and credentials.
    pub bounds: OrderBounds,
    /// How long an erasure leaves paid orders alone, because they may not have been delivered.
    pub erase_paid_after: Duration,
    /// Pause before an erasure checks again the orders that may not be erased yet.
    pub erasure_recheck: Duration,
    /// Pause before an erasure retries orders that were locked.
    pub erasure_retry: Duration,
}

impl OrderSettings {
    /// The default settings, for orders in `currency`.
    pub const fn new(currency: Currency) -> Self {
        Self {
            currency,
            batch_max: 64,
            batches_in_flight: 1,
            batch_wait: Duration::from_secs(5),
            batch_overdue: Duration::from_secs(1),
            sweep_after: Duration::from_secs(45),
            sweep_lease: Duration::from_secs(60),
            sweep_batch: 16,
            sweep_backoff: (Duration::from_secs(2), Duration::from_secs(600)),
            sweep_max_tries: 20,
            pending_payment_deadline: Duration::from_secs(900),
            decline_policy: DeclinePolicy::Fail,
            bounds: OrderBounds::NONE,
            erase_paid_after: Duration::from_secs(14 * 86_400),
            erasure_recheck: Duration::from_secs(3600),
            erasure_retry: Duration::from_secs(10),
        }
    }
    /// When an order fails unless it is paid. `None` if it is not waiting for payment.
    pub(crate) fn expires_at(&self, order: &Order) -> Option<DateTime<Utc>> {
        if order.status != OrderStatus::PendingPayment {
            return None;
        }
        let deadline = TimeDelta::from_std(self.pending_payment_deadline);
        order.created_at.checked_add_signed(deadline.ok()?)
    }
}
