//! The dependencies of the use cases of webhooks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use oms_database::Database;
use tokio::sync::Semaphore;

use crate::adapters::sealing::SealingKeys;
use crate::context::EventsContext;
use crate::domain::webhooks::address_rules::AddressRules;
use crate::error::WebhooksError;
use crate::ports::{Clock, WebhookSender};

/// Maximum number of webhooks that an instance sends at the same time.
const MAX_IN_FLIGHT: usize = 256;

/// The dependencies of the use cases of webhooks.
pub struct WebhooksContext {
    pub(crate) database: Database,
    pub(crate) events: Arc<EventsContext>,
    pub(crate) sender: Arc<dyn WebhookSender>,
    pub(crate) rules: AddressRules,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) in_flight: Arc<Semaphore>,
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
            in_flight: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
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

    /// The time for statements.
    pub(crate) fn now(&self) -> Option<DateTime<Utc>> {
        self.clock.now()
    }

    /// The time for plans. It may differ from the database's by what the clocks differ.
    pub(crate) fn present(&self) -> DateTime<Utc> {
        self.clock.now().unwrap_or_else(Utc::now)
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
