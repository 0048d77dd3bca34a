//! Sinks that take only some records, that are new, or that are not configured.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use oms_database::transaction;
use oms_events::{
    EventSink, Message, NewRecord, PublishError, Published, Publisher, Subject, begin_sink_beside,
    find_due_of_sink, purge_feed, record,
};
use oms_testing::world::new_tenant;
use oms_validation::TenantId;
use serde_json::json;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::history::{World, context};

const ALERTING: &str = "finding.opened";

/// What it was given, and for which tenant it refuses everything.
struct Pager {
    name: &'static str,
    types: Option<Vec<&'static str>>,
    refuses: Option<TenantId>,
    taken: Mutex<Vec<(TenantId, String)>>,
    tries: Mutex<usize>,
}

impl Pager {
    fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self::refusing(name, None))
    }

    fn refusing(name: &'static str, refuses: Option<TenantId>) -> Self {
        Self {
            name,
            types: name.starts_with("alert").then(|| vec![ALERTING]),
            refuses,
            taken: Mutex::default(),
            tries: Mutex::default(),
        }
    }

    fn ids(&self) -> Vec<String> {
        let taken = self.taken.lock().unwrap();
        taken.iter().map(|(_, id)| id.clone()).collect()
    }
}

#[async_trait]
impl EventSink for Pager {
    fn name(&self) -> &'static str {
        self.name
    }

    fn record_types(&self) -> Option<&[&'static str]> {
        self.types.as_deref()
    }

    fn is_connected(&self) -> bool {
        true
    }

    async fn publish(&self, messages: &[Message], _: Instant) -> Published {
        let mut published = Published::default();
        for message in messages {
            *self.tries.lock().unwrap() += 1;
            if self.refuses == Some(message.tenant()) {
                published.error = Some(PublishError::Refused("no".to_owned()));
                break;
            }
            let taken = (message.tenant(), message.id());
            self.taken.lock().unwrap().push(taken);
            published.acknowledged += 1;
        }
        published
    }
}

impl World {
    /// Records an event, and returns its ID.
    async fn tell(&self, event_type: &'static str) -> String {
        let subject = Subject::new("finding", Uuid::now_v7());
        let new = NewRecord::new(event_type, subject, json!({}));
        let connection = &mut *self.pool.acquire().await.unwrap();
        let recorded = transaction(connection, async |connection| {
            let records = std::slice::from_ref(&new);
            record(self.tenant, records).run(connection).await
        });
        recorded.await.unwrap();
        format!("evt_{}", new.id.simple())
    }

    async fn change_and_relay(&self, orders: &[Uuid]) {
        self.change(orders).await;
        self.relay_all().await;
    }

    fn serve(&mut self, sinks: &[Arc<Pager>]) {
        let sinks = sinks.iter().cloned().map(|it| it as Arc<dyn EventSink>);
        self.context = Arc::new(context(self.pool.clone()).with_sinks(sinks.collect()));
    }

    fn publisher(&self, sink: &Arc<Pager>) -> Publisher {
        Publisher::new(self.context.clone(), sink.clone())
    }

    async fn is_due(&self, sink: &str) -> bool {
        let connection = &mut *self.pool.acquire().await.unwrap();
        !find_due_of_sink(connection, sink).await.unwrap().is_empty()
    }

    async fn another_tenant(&mut self) -> TenantId {
        let mut connection = self.database.connect().await;
        self.tenant = new_tenant(&mut connection).await;
        self.tenant
    }
}

#[tokio::test]
async fn a_sink_of_records_gets_its_types_and_events_of_orders_do_not_wake_it() {
    let mut world = World::open().await;
    let log = Pager::new("alert_log");
    world.serve(std::slice::from_ref(&log));
    let publisher = world.publisher(&log);
    let orders = world.orders(2).await;
    world.change(&orders).await;
    let first = world.tell(ALERTING).await;
    world.tell("stock.moved").await;
    world.tell("novel.type").await;
    world.change(&orders).await;
    let second = world.tell(ALERTING).await;
    world.relay_all().await;
    assert!(world.is_due("alert_log").await);
    world.publish(&publisher).await;
    assert_eq!(log.ids(), [first.clone(), second.clone()]);
    assert!(!world.is_due("alert_log").await);

    let position = world.published().await;
    for _ in 0..3 {
        world.change_and_relay(&orders).await;
    }
    assert!(!world.is_due("alert_log").await);
    assert_eq!(world.published().await, position);
    // It does not read the events of orders that it has slept through.
    let third = world.tell(ALERTING).await;
    world.relay_all().await;
    assert_eq!(world.published().await, position + 6);
    world.publish(&publisher).await;
    assert_eq!(log.ids(), [first, second, third]);
}

#[tokio::test]
async fn events_deleted_while_a_sink_of_records_slept_are_not_missed() {
    let mut world = World::open().await;
    let log = Pager::new("alert_log");
    world.serve(std::slice::from_ref(&log));
    let publisher = world.publisher(&log);
    let orders = world.orders(1).await;
    world.change_and_relay(&orders).await;
    world.publish(&publisher).await;
    world.change_and_relay(&orders).await;
    let connection = &mut *world.pool.acquire().await.unwrap();
    assert_eq!(purge_feed(connection, Duration::ZERO).await.unwrap(), 2);
    let alert = world.tell(ALERTING).await;
    world.relay_all().await;
    // Its position is not before what was deleted, so no gap is reported.
    assert_eq!(world.published().await, 2);
    world.publish(&publisher).await;
    assert_eq!(log.ids(), [alert]);
}

#[tokio::test]
async fn a_sink_that_is_not_configured_is_not_due_and_continues_at_its_place() {
    let mut world = World::open().await;
    let (nats, kafka) = (Pager::new("nats"), Pager::new("kafka"));
    world.serve(&[nats.clone(), kafka.clone()]);
    let orders = world.orders(2).await;
    world.change_and_relay(&orders).await;
    world.publish(&world.publisher(&nats)).await;
    world.publish(&world.publisher(&kafka)).await;
    assert_eq!((nats.ids().len(), kafka.ids().len()), (2, 2));

    // Without Kafka, its rows hold back nothing: the publisher of NATS does not look at the tenant again and again.
    world.serve(std::slice::from_ref(&nats));
    let publisher = world.publisher(&nats);
    for _ in 0..3 {
        world.change_and_relay(&orders).await;
        assert!(world.is_due("nats").await);
        world.publish(&publisher).await;
        assert!(!world.is_due("nats").await);
    }
    assert_eq!((nats.ids().len(), kafka.ids().len()), (8, 2));

    world.serve(&[nats.clone(), kafka.clone()]);
    world.publish(&world.publisher(&kafka)).await;
    assert_eq!(kafka.ids(), nats.ids());
    assert!(!world.is_due("kafka").await);
}

#[tokio::test]
async fn a_sink_that_is_configured_again_too_late_continues_with_what_is_kept() {
    let mut world = World::open().await;
    let nats = Pager::new("nats");
    world.serve(std::slice::from_ref(&nats));
    let orders = world.orders(1).await;
    world.change_and_relay(&orders).await;
    world.publish(&world.publisher(&nats)).await;
    world.serve(&[]);
    world.change_and_relay(&orders).await;
    let connection = &mut *world.pool.acquire().await.unwrap();
    assert_eq!(purge_feed(connection, Duration::ZERO).await.unwrap(), 2);
    world.change_and_relay(&orders).await;
    world.serve(std::slice::from_ref(&nats));
    world.publish(&world.publisher(&nats)).await;
    let order = orders[0].simple();
    assert_eq!(
        nats.ids(),
        [format!("evt_{order}_1"), format!("evt_{order}_3")]
    );
}

#[tokio::test]
async fn a_new_sink_begins_where_the_other_one_is_and_gets_nothing_of_the_past() {
    let mut world = World::open().await;
    let (log, webhook) = (Pager::new("alert_log"), Pager::new("alert_webhook"));
    // Of one tenant, nothing waits for the log.
    world.serve(std::slice::from_ref(&log));
    let mut expected = BTreeSet::new();
    let quiet = world.tenant;
    world.tell(ALERTING).await;
    world.relay_all().await;
    world.publish(&world.publisher(&log)).await;
    // Of another, an alert waits for the log, as after an upgrade. Of a third, the log has not begun.
    world.another_tenant().await;
    world.tell(ALERTING).await;
    world.relay_all().await;
    world
        .run_sql("UPDATE events.sinks SET position = 1 WHERE due_at IS NOT NULL")
        .await;
    expected.insert(world.tell(ALERTING).await);
    world.relay_all().await;
    world.serve(&[]);
    world.another_tenant().await;
    expected.insert(world.tell(ALERTING).await);
    world.relay_all().await;

    world.serve(&[log.clone(), webhook.clone()]);
    for _ in 0..2 {
        let begun = begin_sink_beside(&world.context, webhook.as_ref(), "alert_log").await;
        begun.unwrap();
    }
    world.tenant = quiet;
    expected.insert(world.tell(ALERTING).await);
    world.relay_all().await;
    world.publish(&world.publisher(&webhook)).await;
    assert_eq!(webhook.ids().len(), expected.len());
    assert_eq!(BTreeSet::from_iter(webhook.ids()), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_instances_deliver_each_alert_once() {
    const INSTANCES: usize = 6;
    let mut world = World::open().await;
    let log = Pager::new("alert_log");
    world.serve(std::slice::from_ref(&log));
    let mut alerts = BTreeSet::new();
    for _ in 0..5 {
        world.another_tenant().await;
        for _ in 0..10 {
            alerts.insert(world.tell(ALERTING).await);
        }
    }
    world.relay_all().await;
    let barrier = Arc::new(Barrier::new(INSTANCES));
    let mut instances = JoinSet::new();
    for _ in 0..INSTANCES {
        let (publisher, barrier) = (world.publisher(&log), barrier.clone());
        instances.spawn(async move {
            barrier.wait().await;
            publisher.turn(&CancellationToken::new()).await.unwrap();
        });
    }
    instances.join_all().await;
    assert_eq!(log.ids().len(), alerts.len());
    assert_eq!(BTreeSet::from_iter(log.ids()), alerts);
}

#[tokio::test]
async fn alerts_that_are_refused_delay_neither_other_tenants_nor_other_sinks() {
    const TURNS: usize = 3;
    let mut world = World::open().await;
    let webhook = Arc::new(Pager::refusing("alert_webhook", Some(world.tenant)));
    let log = Pager::new("alert_log");
    world.serve(&[log.clone(), webhook.clone()]);
    for _ in 0..50 {
        world.tell(ALERTING).await;
    }
    world.another_tenant().await;
    let mut others = Vec::new();
    for _ in 0..20 {
        others.push(world.tell(ALERTING).await);
    }
    world.relay_all().await;
    for _ in 0..TURNS {
        world.publish(&world.publisher(&webhook)).await;
        world.publish(&world.publisher(&log)).await;
    }
    assert_eq!(webhook.ids(), others);
    assert_eq!(log.ids().len(), 70);
    // A turn tries one of the tenant's alerts at most.
    assert!(*webhook.tries.lock().unwrap() <= others.len() + TURNS);
}
