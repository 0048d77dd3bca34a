//! A tenant with webhook endpoints, a receiver that answers as the test says, and a clock that the test moves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Timestamptz};
use diesel_async::RunQueryDsl;
use oms_events::{
    AddressRules, Clock, Couriers, Endpoint, EndpointUrl, Failure, FeedStart, MaxInFlight,
    NewEndpoint, Ordering, Outcome, SealingKeys, Sent, Signing, Webhook, WebhookSender,
    WebhooksContext, create_endpoint, get_endpoint,
};
use oms_testing::clock::TestClock;
use oms_validation::{IdempotencyKey, Once};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::history::World;

/// Answers webhooks.
#[derive(Default)]
pub struct Receiver {
    /// The answers to events, by ID; others get `usual`.
    answers: Mutex<HashMap<String, Outcome>>,
    usual: Mutex<Option<Outcome>>,
    /// What was received, with the answer.
    received: Mutex<Vec<(String, Outcome)>>,
    /// The signatures of what was received.
    signatures: Mutex<Vec<String>>,
    /// What happens while an event is on its way.
    pub on_the_way: Mutex<Option<Arc<Notify>>>,
    pub arrived: Notify,
    /// What is sent to `slow.example` takes one of these permits first, if there are any.
    pub slow: Mutex<Option<Arc<Semaphore>>>,
}

impl Receiver {
    /// Answers all events like this from now on.
    pub fn answer(&self, outcome: Outcome) {
        *self.usual.lock().unwrap() = Some(outcome);
    }

    /// Answers one event like this from now on.
    pub fn answer_to(&self, id: &str, outcome: Outcome) {
        self.answers.lock().unwrap().insert(id.to_owned(), outcome);
    }

    /// The IDs of the events that were accepted, in order.
    pub fn accepted(&self) -> Vec<String> {
        let received = self.received.lock().unwrap();
        let accepted = received.iter().filter(|it| it.1 == Outcome::Delivered);
        accepted.map(|it| it.0.clone()).collect()
    }

    /// How often anything was received.
    pub fn tries(&self) -> usize {
        self.received.lock().unwrap().len()
    }

    /// How often an event was received.
    pub fn tries_of(&self, id: &str) -> usize {
        let received = self.received.lock().unwrap();
        received.iter().filter(|it| it.0 == id).count()
    }

    pub fn last_signature(&self) -> String {
        self.signatures.lock().unwrap().last().unwrap().clone()
    }
}

#[async_trait]
impl WebhookSender for Receiver {
    async fn check(&self, _: &EndpointUrl) -> Result<(), Failure> {
        Ok(())
    }

    async fn send(&self, webhook: Webhook<'_>) -> Sent {
        let slow = self.slow.lock().unwrap().clone();
        if let Some(slow) = slow.filter(|_| webhook.url.url().host_str() == Some("slow.example")) {
            self.arrived.notify_one();
            slow.acquire().await.unwrap().forget();
        }
        let held = self.on_the_way.lock().unwrap().clone();
        if let Some(go_on) = held {
            self.arrived.notify_one();
            go_on.notified().await;
        }
        let outcome = self.answers.lock().unwrap().get(webhook.id).copied();
        let outcome = outcome.or(*self.usual.lock().unwrap());
        let outcome = outcome.unwrap_or(Outcome::Delivered);
        let id = webhook.id.to_owned();
        self.received.lock().unwrap().push((id, outcome));
        let signature = webhook.signature.to_owned();
        self.signatures.lock().unwrap().push(signature);
        let status = match outcome {
            Outcome::Delivered => Some(200),
            Outcome::Answered { status, .. } => Some(status),
            Outcome::Failed(_) => None,
        };
        Sent {
            outcome,
            status,
            duration: Duration::from_millis(7),
            answer: String::new(),
        }
    }
}

struct Watch(Arc<TestClock>);

impl Clock for Watch {
    fn now(&self) -> Option<DateTime<Utc>> {
        Some(self.0.time())
    }
}

/// The key that seals secrets.
pub const KEY: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fn context(
    world: &World,
    receiver: Arc<Receiver>,
    clock: Arc<TestClock>,
    keys: SealingKeys,
) -> Arc<WebhooksContext> {
    Arc::new(WebhooksContext::new(
        world.context.clone(),
        receiver,
        AddressRules::default(),
        Some(Arc::new(keys)),
        Arc::new(Watch(clock)),
    ))
}

/// A tenant with endpoints.
pub struct Hooks {
    pub world: World,
    pub receiver: Arc<Receiver>,
    pub clock: Arc<TestClock>,
    pub context: Arc<WebhooksContext>,
}

pub fn rejected(status: u16) -> Outcome {
    Outcome::Answered {
        status,
        retry_after: None,
    }
}

impl Hooks {
    pub async fn open() -> Self {
        let world = World::open().await;
        let (receiver, clock) = (Arc::new(Receiver::default()), TestClock::at_noon());
        let keys = SealingKeys::parse(KEY).unwrap();
        let context = context(&world, receiver.clone(), clock.clone(), keys);
        Self {
            world,
            receiver,
            clock,
            context,
        }
    }

    /// The same with other keys for secrets.
    pub fn context_with(&self, keys: SealingKeys) -> Arc<WebhooksContext> {
        context(&self.world, self.receiver.clone(), self.clock.clone(), keys)
    }

    pub async fn endpoint(&self) -> Endpoint {
        self.endpoint_with("endpoint", Ordering::Subject, Signing::Hmac)
            .await
    }

    pub async fn endpoint_with(&self, key: &str, ordering: Ordering, signing: Signing) -> Endpoint {
        let url = "https://erp.example/hooks";
        let in_flight = MaxInFlight::DEFAULT;
        self.create(key, url, ordering, signing, in_flight).await
    }

    pub async fn create(
        &self,
        key: &str,
        url: &str,
        ordering: Ordering,
        signing: Signing,
        max_in_flight: MaxInFlight,
    ) -> Endpoint {
        let new = NewEndpoint {
            url: EndpointUrl::parse(url, &AddressRules::default()).unwrap(),
            description: None,
            types: Vec::new(),
            ordering,
            signing,
            max_in_flight,
        };
        let key = IdempotencyKey::parse(key).unwrap();
        let (context, tenant) = (&self.context, self.world.tenant);
        let created = create_endpoint(context, tenant, &key, &new, FeedStart::Latest).await;
        match created.unwrap() {
            Once::Now(created) => created.endpoint,
            Once::Before(_) => panic!("the key was used before"),
        }
    }

    pub async fn find(&self, endpoint: &Endpoint) -> Endpoint {
        let found = get_endpoint(&self.context, self.world.tenant, endpoint.id).await;
        found.unwrap().0
    }

    /// Changes orders one after the other, and relays the events.
    pub async fn publish(&self, orders: &[uuid::Uuid]) {
        for order in orders {
            self.world.change(&[*order]).await;
        }
        self.world.relay_all().await;
    }

    /// Sends what is due now, and what becomes due by that.
    pub async fn deliver(&self) {
        loop {
            let tasks = TaskTracker::new();
            let couriers = Couriers::new(self.context.clone(), tasks.clone());
            let dispatched = couriers.dispatch(&CancellationToken::new()).await.unwrap();
            tasks.close();
            tasks.wait().await;
            if dispatched.endpoints == 0 {
                return;
            }
        }
    }

    /// Moves the clock to when an endpoint is due, but not beyond `end`. Returns whether one is due by then.
    pub async fn pass_to_next(&self, end: DateTime<Utc>) -> bool {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Nullable<Timestamptz>)]
            due_at: Option<DateTime<Utc>>,
        }

        let row: Row = diesel::sql_query("SELECT min(due_at) AS due_at FROM events.endpoints")
            .get_result(&mut *self.world.pool.acquire().await.unwrap())
            .await
            .unwrap();
        let next = row.due_at.filter(|due| *due <= end);
        self.clock.set(next.unwrap_or(end).max(self.clock.time()));
        next.is_some()
    }

    /// Sends whatever becomes due within some time.
    pub async fn pass(&self, hours: i64) {
        let end = self.clock.time() + chrono::TimeDelta::hours(hours);
        self.deliver().await;
        while self.pass_to_next(end).await {
            self.deliver().await;
        }
    }

    /// The IDs of all events of the feed about orders.
    pub async fn feed(&self) -> Vec<String> {
        let events = self.world.feed().await.into_iter();
        let of_orders = events.filter(|(_, key)| key.number > 0);
        of_orders.map(|(_, key)| key.to_string()).collect()
    }
}
