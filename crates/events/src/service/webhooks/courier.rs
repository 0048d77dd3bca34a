//! Sends the events of one endpoint while this instance has claimed it.

mod job;
mod landing;
mod replaying;
mod saving;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use oms_validation::TenantId;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use self::job::{Job, Outgoing, Rejection, Tried, Why};
use self::replaying::Replaying;
use crate::adapters::signing::{SigningSecret, signature_header};
use crate::context::webhooks::{DatabaseTime, WebhooksContext};
use crate::domain::event::Event;
use crate::domain::feed::FeedFilter;
use crate::domain::key::EventKey;
use crate::domain::record::NewRecord;
use crate::domain::webhooks::attempt::Attempt;
use crate::domain::webhooks::endpoint::{ClaimedEndpoint, Endpoint, MAX_PENDING};
use crate::domain::webhooks::endpoint_url::EndpointUrl;
use crate::domain::webhooks::health::Health;
use crate::domain::webhooks::outcome::Failure;
use crate::domain::webhooks::pending::{Delivery, Pending};
use crate::domain::webhooks::sending::{Sent, Webhook};
use crate::domain::webhooks::window::{WINDOW, Window};
use crate::error::WebhooksError;
use crate::service::load_events::load_events;
use crate::service::webhooks::secrets;
use crate::store::segments;
use crate::store::webhooks::leases::Then;
use crate::store::webhooks::{deliveries, replays};

/// How long a claim lasts unless it is extended.
pub(super) const LEASE: Duration = Duration::from_secs(60);
/// How often the progress is stored, which extends the claim.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);
/// Number of outcomes after which the progress is stored earlier.
const SAVE_AFTER: usize = 256;
/// How long an instance begins to send to an endpoint before others get its place.
const TURN: Duration = Duration::from_secs(30);
/// How often a courier that is busy with a replay looks for events that happened meanwhile.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// Maximum number of deliveries in memory: the window may leave all of its events behind.
const MAX_LOADED: usize = MAX_PENDING + WINDOW;

/// Sends the events of one endpoint.
pub(super) struct Courier<'a> {
    context: &'a WebhooksContext,
    tenant: TenantId,
    endpoint: Endpoint,
    claim: i64,
    time: DatabaseTime,
    url: Option<EndpointUrl>,
    secrets: Arc<[SigningSecret]>,
    /// The tenant's share of what the instance sends at the same time.
    share: Arc<Semaphore>,
    filter: FeedFilter,
    window: Window,
    pending: Pending,
    replaying: Option<Replaying>,
    health: Health,
    /// The events in the window and those that are being sent again.
    events: HashMap<i64, Outgoing>,
    /// What is known of events that the window leaves behind.
    rejections: HashMap<i64, Rejection>,
    attempts: Vec<Attempt>,
    records: Vec<NewRecord>,
    /// The position up to which everything is delivered, not wanted, or stored.
    position: i64,
    read_to: i64,
    /// Nothing more is read: everything was, or too much is not delivered.
    has_read_enough: bool,
    /// Whether there may be more later. Otherwise too much is not delivered.
    may_look_again: bool,
    /// The end of the feed once everything was read.
    feed_end: i64,
    unsaved: usize,
}

type Sending<'a> = Pin<Box<dyn Future<Output = Tried> + Send + 'a>>;

impl<'a> Courier<'a> {
    /// Prepares a claimed endpoint.
    ///
    /// # Errors
    /// If its secrets can't be opened, or the database fails.
    pub(super) async fn new(
        context: &'a WebhooksContext,
        tenant: TenantId,
        claimed: ClaimedEndpoint,
    ) -> Result<Self, WebhooksError> {
        let connection = &mut *context.database.acquire().await?;
        let health = Health::of(&claimed);
        let time = context.time_since(claimed.claimed_at);
        let (endpoint, claim) = (claimed.endpoint, claimed.claim);
        let secrets = secrets::open(context, connection, tenant, &endpoint).await?;
        let stored = deliveries::find_pending(connection, tenant, endpoint.id, MAX_LOADED).await?;
        let has_read_enough = stored.len() >= MAX_LOADED;
        let replay = replays::find_running(connection, tenant, endpoint.id).await?;
        let pending = Pending::new(endpoint.ordering, stored);
        let in_flight = usize::try_from(endpoint.max_in_flight).unwrap_or(1);
        Ok(Self {
            url: EndpointUrl::parse(&endpoint.url, &context.rules).ok(),
            secrets: secrets.into(),
            share: context.share_of(tenant),
            filter: FeedFilter::stored(&endpoint.types),
            window: Window::new(endpoint.ordering, in_flight, pending.subjects()),
            pending,
            replaying: replay.map(|replay| Replaying::new(&endpoint, replay)),
            health,
            events: HashMap::new(),
            rejections: HashMap::new(),
            attempts: Vec::new(),
            records: Vec::new(),
            position: endpoint.position,
            read_to: endpoint.position,
            has_read_enough,
            may_look_again: !has_read_enough,
            feed_end: endpoint.position,
            unsaved: 0,
            context,
            tenant,
            endpoint,
            claim,
            time,
        })
    }

    /// Sends what is to be sent, until nothing is left, the endpoint can't be reached, its turn is over, or the program
    /// stops. Stores the progress, and releases the claim.
    ///
    /// # Errors
    /// If the database fails, or the claim has ended. What was sent since the progress was last stored is sent again.
    pub(super) async fn run(mut self, stopping: &CancellationToken) -> Result<(), WebhooksError> {
        let mut sending = FuturesUnordered::new();
        let end = Instant::now() + TURN;
        let mut next_save = Instant::now() + SAVE_INTERVAL;
        let mut next_look = Instant::now() + LOOK_INTERVAL;
        loop {
            let may_send =
                self.health.may_send() && !stopping.is_cancelled() && Instant::now() < end;
            if self.is_replaying() && Instant::now() >= next_look {
                self.has_read_enough &= !self.may_look_again;
                next_look = Instant::now() + LOOK_INTERVAL;
            }
            if may_send {
                self.fill().await?;
                self.fill_replay().await?;
                self.start(&mut sending).await?;
            }
            if sending.is_empty() {
                // Nothing that was read is wanted, or everything was sent.
                self.settle();
                if !may_send || !(self.has_more() || self.is_replaying()) {
                    break;
                }
            } else {
                let wake = match self.is_replaying() {
                    true => next_save.min(next_look),
                    false => next_save,
                };
                tokio::select! {
                    Some(tried) = sending.next() => self.landed(&tried),
                    () = sleep_until(wake) => {}
                }
            }
            if self.unsaved >= SAVE_AFTER || Instant::now() >= next_save {
                self.save(Then::Continue(self.time.now() + LEASE)).await?;
                next_save = Instant::now() + SAVE_INTERVAL;
            }
        }
        self.window.leave_unsent();
        let then = self.then(stopping.is_cancelled());
        self.save(then).await
    }

    fn then(&self, is_stopping: bool) -> Then {
        let now = self.time.now();
        match (self.health.disabled(), self.health.probe_in()) {
            (Some(_), _) => Then::Wait(None),
            (None, Some(delay)) => Then::Wait(Some(now + delay)),
            (None, None) if is_stopping => Then::Wait(Some(now)),
            (None, None) if self.pending.len() >= MAX_PENDING => {
                Then::Wait(self.pending.next_due())
            }
            (None, None) if self.is_replaying() => Then::Wait(Some(now)),
            (None, None) => Then::Release(self.pending.next_due()),
        }
    }

    fn is_replaying(&self) -> bool {
        self.replaying.as_ref().is_some_and(Replaying::is_running)
    }

    /// Whether there may be more events to read.
    fn has_more(&self) -> bool {
        !self.has_read_enough && self.pending.len() < MAX_PENDING
    }

    /// Reads events into the window.
    async fn fill(&mut self) -> Result<(), WebhooksError> {
        let room = self.window.room();
        if !self.has_more() || room < WINDOW / 2 {
            return Ok(());
        }
        let connection = &mut *self.context.database.acquire().await?;
        let feed = segments::read(connection, self.tenant, Some(self.read_to), room).await?;
        if feed.purged_to > self.read_to {
            let (tenant, endpoint) = (self.tenant, self.endpoint.id);
            tracing::warn!(%tenant, %endpoint, "events were deleted before an endpoint received them");
            self.read_to = feed.purged_to;
        }
        if feed.segments.is_empty() {
            // Positions without events are behind it: those that a restore passed over.
            self.has_read_enough = true;
            self.feed_end = feed.position;
        }
        let (events, _) = feed.after(self.read_to, room);
        let keys: Vec<EventKey> = events.iter().map(|(_, key)| *key).collect();
        let events_context = &self.context.events;
        let mut loaded = load_events(events_context, connection, self.tenant, &keys).await?;
        for (position, key) in events {
            self.read_to = position;
            let wanted = loaded.remove(&key).filter(|event| self.is_wanted(event));
            let subject = wanted
                .as_ref()
                .map_or(key.subject_id, |event| event.subject().id);
            self.window.push(position, subject, wanted.is_some());
            if let Some(event) = wanted {
                self.events.insert(position, Outgoing::of(&event));
            }
        }
        Ok(())
    }

    /// An endpoint gets no events about itself.
    fn is_wanted(&self, event: &Event) -> bool {
        let is_about_itself = event.subject().id == self.endpoint.id.as_uuid();
        !is_about_itself && self.filter.selects(event)
    }

    /// Begins to send as many events as may be in flight; one, if the endpoint could not be reached before.
    async fn start(
        &mut self,
        sending: &mut FuturesUnordered<Sending<'a>>,
    ) -> Result<(), WebhooksError> {
        let limit = match self.health.probe() {
            Some(_) => 1,
            None => usize::try_from(self.endpoint.max_in_flight).unwrap_or(1),
        };
        while sending.len() < limit {
            let Some((job, event)) = self.next().await? else {
                return Ok(());
            };
            sending.push(self.send(job, event));
        }
        Ok(())
    }

    /// The next event that may be sent now.
    async fn next(&mut self) -> Result<Option<(Job, Outgoing)>, WebhooksError> {
        loop {
            // Each probe takes another event: one that breaks the receiver must not keep all others back.
            let (skipped, window_first) = match self.health.probe() {
                Some(probe) => (probe / 2, probe % 2 == 1),
                None => (0, false),
            };
            let mut position = None;
            if window_first {
                position = self.window.take_after(skipped);
            }
            if position.is_none()
                && let Some(row) = self.pending.take_after(skipped, self.time.now())
            {
                match self.load(&row).await? {
                    Some(event) => {
                        self.events.insert(row.position, event.clone());
                        return Ok(Some((Job::again(&row), event)));
                    }
                    // It is no longer kept, so nobody can receive it.
                    None => self.received(row.position),
                }
                continue;
            }
            let Some(position) = position.or_else(|| self.window.take_after(skipped)) else {
                // Nothing else is to be sent.
                let next = self.replaying.as_mut().and_then(|it| it.take(skipped));
                return Ok(next.map(|(position, event)| (Job::replay(position), event)));
            };
            match self.events.get(&position).cloned() {
                Some(event) => return Ok(Some((Job::first(position), event))),
                None => self.window.delivered(position),
            }
        }
    }

    async fn load(&self, row: &Delivery) -> Result<Option<Outgoing>, WebhooksError> {
        let connection = &mut *self.context.database.acquire().await?;
        let events = &self.context.events;
        let mut loaded = load_events(events, connection, self.tenant, &[row.key]).await?;
        Ok(loaded.remove(&row.key).map(|event| Outgoing::of(&event)))
    }

    fn send(&self, job: Job, event: Outgoing) -> Sending<'a> {
        let (context, time, share) = (self.context, self.time.clone(), self.share.clone());
        let (url, secrets) = (self.url.clone(), self.secrets.clone());
        let replay = self.replaying.as_ref().filter(|_| job.why == Why::Replay);
        let replay = replay.map(|it| it.replay.id.to_string());
        Box::pin(async move {
            // Neither is ever closed.
            let _of_tenant = share.acquire().await;
            let _of_instance = context.in_flight.acquire().await;
            let started_at = time.now();
            let Some(url) = url else {
                let sent = Sent::failed(Failure::AddressNotAllowed, Duration::ZERO);
                return Tried {
                    job,
                    started_at,
                    sent,
                };
            };
            let (id, timestamp) = (event.key.to_string(), started_at.timestamp());
            let signature = signature_header(&secrets, &id, timestamp, &event.body);
            let webhook = Webhook {
                url: &url,
                id: &id,
                timestamp,
                signature: &signature,
                replay: replay.as_deref(),
                body: event.body,
            };
            let sent = context.sender.send(webhook).await;
            Tried {
                job,
                started_at,
                sent,
            }
        })
    }
}
