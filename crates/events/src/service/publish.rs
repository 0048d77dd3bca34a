//! Publishes the feeds of all tenants to a sink.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use oms_database::{DbError, LockWait, Transaction};
use oms_validation::TenantId;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::context::EventsContext;
use crate::domain::key::EventKey;
use crate::domain::publishing::{Message, PublishError, pause_after};
use crate::ports::EventSink;
use crate::service::load_events::{load_events, load_records};
use crate::store::sinks::{ClaimedSink, Then};
use crate::store::{heads, segments, sinks};

/// How long a claim lasts unless it is extended.
const LEASE: Duration = Duration::from_secs(60);
/// How long an instance begins to publish a page, which leaves half of the lease for the last acknowledgement.
const PAGE_TIME: Duration = Duration::from_secs(30);
/// How long an instance publishes the events of one tenant before others get its place.
const TURN: Duration = Duration::from_secs(10);
/// Number of events that are read together.
const PAGE: usize = 256;
/// Number of keys that are read together for a sink that takes few of them.
const PAGE_OF_FEW: usize = 8192;
/// Number of tenants whose events are published at the same time.
const TOGETHER: usize = 8;
/// How often tenants are looked for whose feeds no relay of this instance has begun.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);
/// How often the backlog is measured.
const MEASURE_INTERVAL: Duration = Duration::from_secs(60);

/// Publishes to one sink.
pub struct Publisher {
    context: Arc<EventsContext>,
    sink: Arc<dyn EventSink>,
    next_look: Mutex<Option<Instant>>,
    next_measure: Mutex<Option<Instant>>,
    published: AtomicU64,
    failed: AtomicU64,
    oldest_ms: AtomicU64,
}

impl Publisher {
    /// Creates a publisher. The feed's context must name the sink, so that new tenants are published immediately.
    pub fn new(context: Arc<EventsContext>, sink: Arc<dyn EventSink>) -> Self {
        Self {
            context,
            sink,
            next_look: Mutex::default(),
            next_measure: Mutex::default(),
            published: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            oldest_ms: AtomicU64::new(0),
        }
    }

    /// The sink's name.
    pub fn name(&self) -> &'static str {
        self.sink.name()
    }

    /// Whether there is a connection to the sink.
    pub fn is_connected(&self) -> bool {
        self.sink.is_connected()
    }

    /// Number of events that this instance has published, or tries that failed.
    pub fn count(&self, published: bool) -> u64 {
        match published {
            true => self.published.load(Ordering::Relaxed),
            false => self.failed.load(Ordering::Relaxed),
        }
    }

    /// Age of the oldest event of any tenant that was not published when it was last measured, once a minute.
    pub fn oldest(&self) -> Duration {
        Duration::from_millis(self.oldest_ms.load(Ordering::Relaxed))
    }

    /// Publishes what is due, the events of each tenant in the order of its feed. Returns whether more is due.
    ///
    /// # Errors
    /// If the due tenants can't be found. A failure of one tenant is logged, and the others are published.
    pub async fn turn(&self, stopping: &CancellationToken) -> Result<bool, DbError> {
        let mut connection = self.context.database.acquire().await?;
        if is_time(&self.next_look, LOOK_INTERVAL) {
            let only_records = self.sink.record_types().is_some();
            for tenant in sinks::find_missing(&mut connection, self.name()).await? {
                sinks::add(&mut connection, tenant, self.name(), only_records).await?;
            }
        }
        if is_time(&self.next_measure, MEASURE_INTERVAL) {
            let oldest = sinks::oldest(&mut connection, self.name()).await?;
            let oldest = u64::try_from(oldest.as_millis()).unwrap_or(u64::MAX);
            self.oldest_ms.store(oldest, Ordering::Relaxed);
        }
        if !self.is_connected() {
            // The events wait. Another instance may have a connection.
            return Ok(false);
        }
        let tenants = sinks::find_due(&mut connection, self.name()).await?;
        drop(connection);
        let published = futures_util::stream::iter(tenants)
            .map(|due| self.publish_or_log(due.tenant, stopping))
            .buffer_unordered(TOGETHER);
        let more: Vec<bool> = published.collect().await;
        Ok(more.contains(&true))
    }

    async fn publish_or_log(&self, tenant: TenantId, stopping: &CancellationToken) -> bool {
        match self.publish(tenant, stopping).await {
            Ok(more) => more,
            Err(DbError::NotAsExpected) => {
                tracing::debug!(%tenant, sink = self.name(), "the claim of a sink has ended");
                false
            }
            Err(error) => {
                // The lease ends, and the tenant is due again.
                let cause: &dyn Error = &error;
                tracing::warn!(cause, %tenant, sink = self.name(), "events could not be published");
                self.failed.fetch_add(1, Ordering::Relaxed);
                false
            }
        }
    }

    /// Publishes the events of a tenant. Returns whether there are more.
    async fn publish(
        &self,
        tenant: TenantId,
        stopping: &CancellationToken,
    ) -> Result<bool, DbError> {
        let mut connection = self.context.database.acquire().await?;
        let claimed = sinks::claim(&mut connection, tenant, self.name(), LEASE).await?;
        drop(connection);
        let Some(mut claimed) = claimed else {
            return Ok(false);
        };
        let end = Instant::now() + TURN;
        loop {
            let page = self.read(tenant, &mut claimed).await?;
            if page.is_empty() {
                if self.release(tenant, &claimed).await? {
                    return Ok(false);
                }
                continue;
            }
            let is_over = stopping.is_cancelled() || Instant::now() >= end;
            let failure = match is_over {
                true => None,
                false => self.send(page, &mut claimed).await,
            };
            let then = match &failure {
                // Another instance may have a connection.
                Some(PublishError::Unreachable) => Then::Pause(Duration::ZERO),
                Some(PublishError::Refused(_)) => {
                    Then::Pause(pause_after(claimed.tries, rand::random()))
                }
                None if is_over => Then::Continue(Duration::ZERO),
                None => Then::Continue(LEASE),
            };
            self.save(tenant, &claimed, then).await?;
            if let Some(failure) = failure {
                let cause: &dyn Error = &failure;
                tracing::warn!(cause, %tenant, sink = self.name(), "events could not be published");
                self.failed.fetch_add(1, Ordering::Relaxed);
                return Ok(false);
            }
            if is_over {
                return Ok(!stopping.is_cancelled());
            }
        }
    }

    /// The events after the position of a sink, which are still kept, with their positions.
    async fn read(
        &self,
        tenant: TenantId,
        claimed: &mut ClaimedSink,
    ) -> Result<Vec<(i64, Option<Message>)>, DbError> {
        let connection = &mut *self.context.database.acquire().await?;
        let types = self.sink.record_types();
        let limit = types.map_or(PAGE, |_| PAGE_OF_FEW);
        let feed = segments::read(connection, tenant, Some(claimed.position), limit).await?;
        if feed.purged_to > claimed.position {
            tracing::warn!(%tenant, sink = self.name(), "events were deleted before they were published");
            claimed.position = feed.purged_to;
        }
        let (events, _) = feed.after(claimed.position, limit);
        if events.is_empty() {
            // Positions without events are behind it: those that a restore passed over.
            claimed.position = claimed.position.max(feed.position);
        }
        let keys: Vec<EventKey> = events.iter().map(|(_, key)| *key).collect();
        let mut loaded = match types {
            Some(types) => load_records(connection, tenant, &keys, types).await?,
            None => load_events(&self.context, connection, tenant, &keys).await?,
        };
        let message = |(position, key)| {
            let event = loaded.remove(&key);
            (position, event.map(|event| Message::new(tenant, event)))
        };
        Ok(events.into_iter().map(message).collect())
    }

    /// Publishes a page, and moves the position past what was acknowledged.
    async fn send(
        &self,
        page: Vec<(i64, Option<Message>)>,
        claimed: &mut ClaimedSink,
    ) -> Option<PublishError> {
        let last = page
            .last()
            .map_or(claimed.position, |(position, _)| *position);
        let (positions, messages): (Vec<i64>, Vec<Message>) = page
            .into_iter()
            .filter_map(|(position, message)| Some((position, message?)))
            .unzip();
        if messages.is_empty() {
            claimed.position = last;
            return None;
        }
        let until = Instant::now() + PAGE_TIME;
        let sent = self.sink.publish(&messages, until).await;
        self.published
            .fetch_add(sent.acknowledged as u64, Ordering::Relaxed);
        match positions.get(sent.acknowledged) {
            // Everything before the first one that is missing.
            Some(missing) => claimed.position = claimed.position.max(missing - 1),
            None => claimed.position = last,
        }
        sent.error
    }

    async fn save(
        &self,
        tenant: TenantId,
        claimed: &ClaimedSink,
        then: Then,
    ) -> Result<(), DbError> {
        let connection = &mut *self.context.database.acquire().await?;
        let transaction = Transaction::new(connection, LockWait::Session);
        let steps = (sinks::save(tenant, self.name(), claimed, then),);
        oms_failpoints::reached("sinks.saving");
        transaction.commit_with(steps).await?;
        Ok(())
    }

    /// Releases a sink for which everything was published. Returns `false` if there are new events.
    async fn release(&self, tenant: TenantId, claimed: &ClaimedSink) -> Result<bool, DbError> {
        let connection = &mut *self.context.database.acquire().await?;
        let mut transaction = Transaction::new(connection, LockWait::Session);
        let end = match transaction.send((heads::hold(tenant),)).await {
            Ok((end,)) => end,
            Err(error) => {
                transaction.roll_back().await;
                return Err(error);
            }
        };
        if end.is_some_and(|end| end > claimed.position) {
            transaction.roll_back().await;
            return Ok(false);
        }
        let steps = (sinks::save(tenant, self.name(), claimed, Then::Release),);
        transaction.commit_with(steps).await?;
        Ok(true)
    }
}

/// Whether it is time, and sets the next time.
fn is_time(next: &Mutex<Option<Instant>>, interval: Duration) -> bool {
    let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    let is_time = next.is_none_or(|next| next <= now);
    if is_time {
        *next = Some(now + interval);
    }
    is_time
}
