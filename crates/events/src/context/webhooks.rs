//! The dependencies of the use cases of webhooks.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use chrono::{DateTime, Utc};
use oms_database::Database;
use oms_validation::TenantId;
use tokio::sync::Semaphore;

use crate::adapters::sealing::SealingKeys;
use crate::context::EventsContext;
use crate::domain::webhooks::address_rules::AddressRules;
use crate::error::WebhooksError;
use crate::ports::{Clock, WebhookSender};

/// Maximum number of webhooks that an instance sends at the same time.
const MAX_IN_FLIGHT: usize = 256;
/// How many of them may be of one tenant, so that its slow receivers do not delay the events of others.
const MAX_IN_FLIGHT_OF_TENANT: usize = 64;

/// The dependencies of the use cases of webhooks.
pub struct WebhooksContext {
    pub(crate) database: Database,
    pub(crate) events: Arc<EventsContext>,
    pub(crate) sender: Arc<dyn WebhookSender>,
    pub(crate) rules: AddressRules,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) in_flight: Semaphore,
    shares: Mutex<HashMap<TenantId, Weak<Semaphore>>>,
    keys: Option<Arc<SealingKeys>>,
    delivered: AtomicU64,
    failed: AtomicU64,
}

impl WebhooksContext {
    /// Creates a context. Without `keys` no endpoint can be created, because its secret could not be stored.
    pub fn new(
        events: Arc<EventsContext>,
        sender: Arc<dyn WebhookSender>,
        rules: AddressRules,
        keys: Option<Arc<SealingKeys>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            database: events.database.clone(),
            events,
            sender,
            rules,
            clock,
            in_flight: Semaphore::new(MAX_IN_FLIGHT),
            shares: Mutex::default(),
            keys,
            delivered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    /// The keys that seal secrets.
    ///
    /// # Errors
    /// `NoSecretKeys` if there are none.
    pub(crate) fn keys(&self) -> Result<&SealingKeys, WebhooksError> {
        self.keys.as_deref().ok_or(WebhooksError::NoSecretKeys)
    }

    /// Number of tries of this instance that delivered an event, or did not.
    pub fn attempts(&self, delivered: bool) -> u64 {
        self.counter(delivered).load(Ordering::Relaxed)
    }

    pub(crate) fn count_attempt(&self, delivered: bool) {
        self.counter(delivered).fetch_add(1, Ordering::Relaxed);
    }

    fn counter(&self, delivered: bool) -> &AtomicU64 {
        match delivered {
            true => &self.delivered,
            false => &self.failed,
        }
    }

    /// A tenant's share of [`Self::in_flight`]. It must be acquired first.
    pub(crate) fn share_of(&self, tenant: TenantId) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(&tenant).and_then(Weak::upgrade) {
            return share;
        }
        shares.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(MAX_IN_FLIGHT_OF_TENANT));
        shares.insert(tenant, Arc::downgrade(&share));
        share
    }

    /// The database's time, which was `read` just now.
    pub(crate) fn time_since(&self, read: DateTime<Utc>) -> DatabaseTime {
        DatabaseTime {
            clock: self.clock.clone(),
            read,
            since: Instant::now(),
        }
    }

    /// The time for statements.
    pub(crate) fn now(&self) -> Option<DateTime<Utc>> {
        self.clock.now()
    }
}

/// The time of the database, of which all instances know the same. It was read once, and passes with this machine's
/// monotonic clock.
#[derive(Clone)]
pub(crate) struct DatabaseTime {
    clock: Arc<dyn Clock>,
    read: DateTime<Utc>,
    since: Instant,
}

impl DatabaseTime {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        let passed = || self.read + self.since.elapsed();
        self.clock.now().unwrap_or_else(passed)
    }
}

/// The database's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct DatabaseClock;

impl Clock for DatabaseClock {
    fn now(&self) -> Option<DateTime<Utc>> {
        None
    }
}
