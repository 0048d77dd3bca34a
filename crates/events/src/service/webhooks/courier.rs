//! Sends the events of one endpoint while this instance has claimed it.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use oms_database::{DbError, LockWait, Transaction};
use oms_validation::TenantId;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::adapters::signing::{SigningSecret, signature_header};
use crate::context::webhooks::WebhooksContext;
use crate::domain::event::Event;
use crate::domain::feed::FeedFilter;
use crate::domain::key::EventKey;
use crate::domain::record::NewRecord;
use crate::domain::webhooks::attempt::{Attempt, AttemptId, AttemptOutcome, AttemptTrigger};
use crate::domain::webhooks::endpoint::{ClaimedEndpoint, EndpointStatus, MAX_PENDING};
use crate::domain::webhooks::endpoint_url::EndpointUrl;
use crate::domain::webhooks::outcome::{Failure, Judge, Verdict};
use crate::domain::webhooks::pending::{Delivery, DeliveryState, Pending};
use crate::domain::webhooks::reporting;
use crate::domain::webhooks::schedule::{probe_delay, retry_delay};
use crate::domain::webhooks::sending::{Sent, Webhook};
use crate::domain::webhooks::window::{LeftAs, WINDOW, Window};
use crate::error::WebhooksError;
use crate::service::load_events::load_events;
use crate::service::webhooks::secrets;
use crate::store::outbox::APPENDED;
use crate::store::records::record;
use crate::store::segments;
use crate::store::webhooks::leases::{self, Progress, Then};
use crate::store::webhooks::{attempts, deliveries};

/// How long a claim lasts unless it is extended.
pub(super) const LEASE: Duration = Duration::from_secs(60);
/// How often the progress is stored, which extends the claim.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);
/// Number of outcomes after which the progress is stored earlier.
const SAVE_AFTER: usize = 256;

/// Sends the events of one endpoint.
pub(super) struct Courier<'a> {
    context: &'a WebhooksContext,
    tenant: TenantId,
    claimed: ClaimedEndpoint,
    url: Option<EndpointUrl>,
    secrets: Vec<SigningSecret>,
    filter: FeedFilter,
    window: Window,
    pending: Pending,
    judge: Judge,
    /// The events in the window and those that are being sent again.
    events: HashMap<i64, Outgoing>,
    /// What is known of events that the window leaves behind.
    rejections: HashMap<i64, Rejection>,
    attempts: Vec<Attempt>,
    records: Vec<NewRecord>,
    read_to: i64,
    is_caught_up: bool,
    /// The end of the feed once everything was read.
    feed_end: i64,
    health: Health,
    unsaved: usize,
}

/// An event that is to be sent.
#[derive(Clone)]
struct Outgoing {
    key: EventKey,
    subject_id: Uuid,
    event_type: String,
    body: Vec<u8>,
}

struct Rejection {
    outcome: AttemptOutcome,
    status: Option<u16>,
    next: DateTime<Utc>,
}

/// Whether the endpoint can be reached.
struct Health {
    position: i64,
    failing_since: Option<DateTime<Utc>>,
    failures: i32,
    reported_at: Option<DateTime<Utc>>,
    disabled: Option<&'static str>,
    /// The delay until the next probe. Once there is one, nothing more is sent.
    probe_in: Option<Duration>,
}

/// What was sent, and why.
#[derive(Clone, Copy)]
struct Job {
    position: i64,
    is_stored: bool,
    tries: i32,
    started_at: DateTime<Utc>,
}

type Sending<'a> = Pin<Box<dyn Future<Output = (Job, Sent)> + Send + 'a>>;

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
        let endpoint = &claimed.endpoint;
        let secrets = secrets::open(context, connection, tenant, endpoint).await?;
        let stored =
            deliveries::find_pending(connection, tenant, endpoint.id, MAX_PENDING + WINDOW).await?;
        let pending = Pending::new(endpoint.ordering, stored);
        let in_flight = usize::try_from(endpoint.max_in_flight).unwrap_or(1);
        Ok(Self {
            url: EndpointUrl::parse(&endpoint.url, &context.rules).ok(),
            secrets,
            filter: FeedFilter::stored(&endpoint.types),
            window: Window::new(endpoint.ordering, in_flight, pending.subjects()),
            pending,
            judge: Judge::default(),
            events: HashMap::new(),
            rejections: HashMap::new(),
            attempts: Vec::new(),
            records: Vec::new(),
            read_to: endpoint.position,
            is_caught_up: false,
            feed_end: endpoint.position,
            health: Health {
                position: endpoint.position,
                failing_since: endpoint.failing_since,
                failures: endpoint.failures,
                reported_at: claimed.is_reported.then(|| context.present()),
                disabled: None,
                probe_in: None,
            },
            unsaved: 0,
            context,
            tenant,
            claimed,
        })
    }

    /// Sends what is to be sent, until nothing is left, the endpoint can't be reached, or the program stops. Stores the
    /// progress, and releases the claim.
    ///
    /// # Errors
    /// If the database fails, or the claim has ended. What was sent since the progress was last stored is sent again.
    pub(super) async fn run(mut self, stopping: &CancellationToken) -> Result<(), WebhooksError> {
        let mut sending = FuturesUnordered::new();
        let mut next_save = Instant::now() + SAVE_INTERVAL;
        loop {
            if self.health.probe_in.is_none() && !stopping.is_cancelled() {
                self.fill().await?;
                self.start(&mut sending).await?;
            }
            if sending.is_empty() {
                break;
            }
            tokio::select! {
                Some((job, sent)) = sending.next() => self.landed(job, sent),
                () = sleep_until(next_save) => {}
            }
            if self.unsaved >= SAVE_AFTER || Instant::now() >= next_save {
                let until = self.context.present() + LEASE;
                self.save(Then::Continue(until)).await?;
                next_save = Instant::now() + SAVE_INTERVAL;
            }
        }
        let then = self.then(stopping.is_cancelled());
        self.save(then).await?;
        Ok(())
    }

    fn then(&self, is_stopping: bool) -> Then {
        let now = self.context.present();
        match (self.health.disabled, self.health.probe_in) {
            (Some(_), _) => Then::Wait(None),
            (None, Some(delay)) => Then::Wait(Some(now + delay)),
            (None, None) if is_stopping => Then::Wait(Some(now)),
            (None, None) if self.pending.len() >= MAX_PENDING => {
                Then::Wait(self.pending.next_due())
            }
            (None, None) => Then::Release(self.pending.next_due()),
        }
    }

    /// Reads events into the window.
    async fn fill(&mut self) -> Result<(), WebhooksError> {
        let room = self.window.room();
        let has_too_many = self.pending.len() >= MAX_PENDING;
        if self.is_caught_up || room < WINDOW / 2 || has_too_many {
            return Ok(());
        }
        let connection = &mut *self.context.database.acquire().await?;
        let feed = segments::read(connection, self.tenant, Some(self.read_to), room).await?;
        // Events that retention has deleted meanwhile can't be sent.
        self.read_to = self.read_to.max(feed.purged_to);
        if feed.segments.is_empty() {
            // Positions without events are behind it: those that a restore passed over.
            self.is_caught_up = true;
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

    /// Nobody is told about an endpoint through the endpoint itself.
    fn is_wanted(&self, event: &Event) -> bool {
        let is_about_itself = event.subject().id == self.claimed.endpoint.id.as_uuid();
        !is_about_itself && self.filter.selects(event)
    }

    /// Begins to send as many events as may be in flight; one, if the endpoint could not be reached before.
    async fn start(
        &mut self,
        sending: &mut FuturesUnordered<Sending<'a>>,
    ) -> Result<(), WebhooksError> {
        let limit = usize::try_from(self.claimed.endpoint.max_in_flight).unwrap_or(1);
        let limit = match self.health.failing_since {
            Some(_) => 1,
            None => limit,
        };
        while sending.len() < limit {
            let now = self.context.present();
            let job = |position, is_stored, tries| Job {
                position,
                is_stored,
                tries,
                started_at: now,
            };
            let (job, event) = if let Some(row) = self.pending.take(now) {
                let Some(event) = self.load(&row).await? else {
                    // It is no longer kept, so nobody can receive it.
                    let freed = self.pending.delivered(row.position, now);
                    self.unblock(freed);
                    continue;
                };
                (job(row.position, true, row.tries), event)
            } else if let Some(position) = self.window.take() {
                let Some(event) = self.events.get(&position).cloned() else {
                    self.window.delivered(position);
                    continue;
                };
                (job(position, false, 0), event)
            } else {
                return Ok(());
            };
            self.events.insert(job.position, event.clone());
            sending.push(self.send(job, event));
        }
        Ok(())
    }

    async fn load(&self, row: &Delivery) -> Result<Option<Outgoing>, WebhooksError> {
        let connection = &mut *self.context.database.acquire().await?;
        let events = &self.context.events;
        let mut loaded = load_events(events, connection, self.tenant, &[row.key]).await?;
        Ok(loaded.remove(&row.key).map(|event| Outgoing::of(&event)))
    }

    fn send(&self, job: Job, event: Outgoing) -> Sending<'a> {
        let context = self.context;
        let id = event.key.to_string();
        let timestamp = job.started_at.timestamp();
        let signature = signature_header(&self.secrets, &id, timestamp, &event.body);
        let url = self.url.clone();
        Box::pin(async move {
            let Some(url) = url else {
                return (
                    job,
                    Sent::failed(Failure::AddressNotAllowed, Duration::ZERO),
                );
            };
            // Never closed.
            let _permit = context.in_flight.acquire().await;
            let webhook = Webhook {
                url: &url,
                id: &id,
                timestamp,
                signature: &signature,
                body: event.body,
            };
            (job, context.sender.send(webhook).await)
        })
    }

    /// Takes the outcome of a try.
    fn landed(&mut self, job: Job, sent: Sent) {
        self.unsaved += 1;
        let outcome = AttemptOutcome::from(sent.outcome);
        self.context
            .count_attempt(outcome == AttemptOutcome::Delivered);
        self.note(job, outcome, &sent);
        let now = self.context.present();
        match self.judge.judge(sent.outcome) {
            Verdict::Delivered => {
                self.reached(now);
                self.delivered(job, now);
            }
            Verdict::Rejected { retry_after } => {
                self.reached(now);
                let tries = job.tries.saturating_add(1);
                let delay = retry_delay(tries.unsigned_abs(), retry_after, rand::random());
                let next = delay.map(|delay| now + delay);
                self.rejected(job, outcome, sent.status, next, now);
            }
            Verdict::Gone => {
                self.not_sent(job);
                self.gone();
            }
            Verdict::Unreachable { retry_after } => {
                self.not_sent(job);
                self.unreachable(retry_after, now);
            }
        }
    }

    /// The endpoint says that it is gone. What else was in flight says it again.
    fn gone(&mut self) {
        self.health.probe_in = Some(Duration::ZERO);
        if self.health.disabled.replace(reporting::GONE).is_none() {
            let reported = reporting::disabled(&self.claimed.endpoint, reporting::GONE);
            self.records.push(reported);
        }
    }

    fn note(&mut self, job: Job, outcome: AttemptOutcome, sent: &Sent) {
        let Some(event) = self.events.get(&job.position) else {
            return;
        };
        self.attempts.push(Attempt {
            id: AttemptId::generate(),
            event_id: event.key.to_string(),
            event_type: event.event_type.clone(),
            trigger: match job.is_stored {
                true => AttemptTrigger::Retry,
                false => AttemptTrigger::First,
            },
            started_at: job.started_at,
            duration: sent.duration,
            outcome,
            http_status: sent.status,
            answer_start: sent.answer.clone(),
        });
    }

    fn delivered(&mut self, job: Job, now: DateTime<Utc>) {
        self.events.remove(&job.position);
        match job.is_stored {
            true => {
                let freed = self.pending.delivered(job.position, now);
                self.unblock(freed);
            }
            false => self.window.delivered(job.position),
        }
    }

    fn rejected(
        &mut self,
        job: Job,
        outcome: AttemptOutcome,
        status: Option<u16>,
        next: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) {
        if job.is_stored {
            self.events.remove(&job.position);
            let freed = self
                .pending
                .rejected(job.position, outcome, status, next, now);
            self.unblock(freed);
            return;
        }
        let next = next.unwrap_or(now);
        let rejection = Rejection {
            outcome,
            status,
            next,
        };
        self.rejections.insert(job.position, rejection);
        self.window.rejected(job.position);
    }

    fn not_sent(&mut self, job: Job) {
        match job.is_stored {
            true => self.pending.not_sent(job.position),
            false => self.window.not_sent(job.position),
        }
    }

    fn unblock(&mut self, subject: Option<Uuid>) {
        if let Some(subject) = subject {
            self.window.unblock(subject);
        }
    }

    /// The endpoint has answered.
    fn reached(&mut self, now: DateTime<Utc>) {
        if self.health.probe_in.is_some() {
            return;
        }
        if let (Some(since), Some(_)) = (self.health.failing_since, self.health.reported_at) {
            let reported = reporting::recovered(&self.claimed.endpoint, now - since);
            self.records.push(reported);
        }
        self.health.failing_since = None;
        self.health.failures = 0;
        self.health.reported_at = None;
    }

    /// The endpoint could not be reached. What else was in flight counts only once.
    fn unreachable(&mut self, retry_after: Option<Duration>, now: DateTime<Utc>) {
        if self.health.probe_in.is_some() {
            return;
        }
        let since = *self.health.failing_since.get_or_insert(now);
        self.health.failures = self.health.failures.saturating_add(1);
        let failures = self.health.failures;
        let delay = probe_delay(failures.unsigned_abs(), retry_after, rand::random());
        self.health.probe_in = Some(delay);
        let endpoint = &self.claimed.endpoint;
        if reporting::is_hopeless(now - since, failures) {
            self.health.disabled = Some(reporting::UNREACHABLE);
            self.records
                .push(reporting::disabled(endpoint, reporting::UNREACHABLE));
        } else if self.health.reported_at.is_none() && reporting::is_to_be_reported(now - since) {
            self.health.reported_at = Some(now);
            self.records
                .push(reporting::failing(endpoint, since, failures));
        }
    }

    /// Stores what happened since the last time.
    async fn save(&mut self, then: Then) -> Result<(), WebhooksError> {
        self.unsaved = 0;
        let now = self.context.present();
        let moved = self.window.advance();
        self.health.position = moved.position.unwrap_or(self.health.position);
        if self.window.room() == WINDOW {
            self.health.position = self.health.position.max(self.feed_end);
        }
        for left in moved.left {
            let rejection = self.rejections.remove(&left.position);
            let Some(event) = self.events.remove(&left.position) else {
                continue;
            };
            let state = match left.why {
                LeftAs::Rejected => DeliveryState::Retrying,
                LeftAs::Behind => DeliveryState::Behind,
            };
            let row = Delivery {
                position: left.position,
                key: event.key,
                subject_id: event.subject_id,
                state,
                tries: i32::from(rejection.is_some()),
                due_at: rejection.as_ref().map_or(now, |it| it.next),
                last_outcome: rejection.as_ref().map(|it| it.outcome),
                last_status: rejection.and_then(|it| it.status),
            };
            self.pending.add(row, now);
        }
        let then = match then {
            // What was left behind just now may be due earlier.
            Then::Release(_) => Then::Release(self.pending.next_due()),
            then => then,
        };
        self.write(then).await
    }

    async fn write(&mut self, then: Then) -> Result<(), WebhooksError> {
        let (tenant, id) = (self.tenant, self.claimed.endpoint.id);
        let progress = Progress {
            position: self.health.position,
            failing_since: self.health.failing_since,
            failures: self.health.failures,
            reported_at: self.health.reported_at,
            status: match self.health.disabled {
                Some(_) => EndpointStatus::Disabled,
                None => EndpointStatus::Enabled,
            },
            status_reason: self.health.disabled.map(str::to_owned),
        };
        let changes = self.pending.changes();
        let attempts = std::mem::take(&mut self.attempts);
        let records = std::mem::take(&mut self.records);
        let connection = &mut *self.context.database.acquire().await?;
        let mut transaction = Transaction::new(connection, LockWait::Session);
        let held = matches!(then, Then::Release(_)).then(|| leases::hold_feed(tenant));
        let saved = leases::save(tenant, id, self.claimed.claim, progress, then);
        if let Err(error) = transaction.send((held, saved)).await {
            transaction.roll_back().await;
            return Err(DbError::into(error));
        }
        let has_deliveries = !changes.written.is_empty();
        let steps = (
            has_deliveries
                .then(|| deliveries::write(tenant, id, self.context.now(), &changes.written)),
            (!changes.deleted.is_empty()).then(|| deliveries::delete(tenant, id, changes.deleted)),
            (!attempts.is_empty()).then(|| attempts::insert(tenant, id, &attempts)),
            (!records.is_empty()).then(|| record(tenant, &records)),
        );
        oms_failpoints::reached("webhooks.saving");
        transaction.commit_with(steps).await?;
        oms_failpoints::reached("webhooks.saved");
        if matches!(then, Then::Release(_)) {
            // The relay may have passed over the tenant meanwhile.
            APPENDED.notify_one();
        }
        Ok(())
    }
}

impl Outgoing {
    fn of(event: &Event) -> Self {
        Self {
            key: event.key(),
            subject_id: event.subject().id,
            event_type: event.event_type().to_owned(),
            // An event is a JSON object of texts and numbers.
            body: serde_json::to_vec(event).unwrap_or_default(),
        }
    }
}
