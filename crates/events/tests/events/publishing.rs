//! What a broker gets that does not take everything.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use oms_events::{EventSink, Message, PublishError, Published, Publisher};
use oms_testing::world::new_tenant;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::history::World;

/// A broker that stores this many messages and then refuses.
#[derive(Default)]
struct Broker {
    room: Mutex<usize>,
    stored: Mutex<Vec<String>>,
    arrived: Notify,
    go_on: Mutex<Option<Arc<Notify>>>,
}

#[async_trait]
impl EventSink for Broker {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn is_connected(&self) -> bool {
        true
    }

    async fn publish(&self, messages: &[Message], _: Instant) -> Published {
        let held = self.go_on.lock().unwrap().take();
        if let Some(go_on) = held {
            self.arrived.notify_one();
            go_on.notified().await;
        }
        let room = std::mem::take(&mut *self.room.lock().unwrap());
        let taken = messages.iter().take(room).map(Message::id);
        self.stored.lock().unwrap().extend(taken);
        Published {
            acknowledged: room.min(messages.len()),
            error: (room < messages.len()).then(|| PublishError::Refused("it is full".to_owned())),
        }
    }
}

impl Broker {
    fn stored(&self) -> Vec<String> {
        self.stored.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn what_is_refused_is_published_again_from_there_on() {
    let world = World::open().await;
    let orders = world.orders(5).await;
    world.change(&orders).await;
    world.change(&orders).await;
    world.relay_all().await;
    let broker = Arc::new(Broker::default());
    let publisher = Publisher::new(world.context.clone(), broker.clone());
    let stopping = CancellationToken::new();
    for room in [3, 0, 6, 100] {
        *broker.room.lock().unwrap() = room;
        world.end_pauses().await;
        publisher.turn(&stopping).await.unwrap();
    }
    let feed = world.feed().await.into_iter();
    let feed: Vec<String> = feed.map(|(_, key)| key.to_string()).collect();
    assert_eq!(broker.stored(), feed);
    assert_eq!((publisher.count(true), publisher.count(false)), (10, 3));
}

#[tokio::test]
async fn one_instance_publishes_the_events_of_a_tenant_and_does_not_delay_others() {
    let mut world = World::open().await;
    let orders = world.orders(2).await;
    world.change(&orders).await;
    world.relay_all().await;
    let broker = Arc::new(Broker::default());
    *broker.room.lock().unwrap() = 100;
    let go_on = Arc::new(Notify::new());
    *broker.go_on.lock().unwrap() = Some(go_on.clone());
    let publisher = Publisher::new(world.context.clone(), broker.clone());
    let first = world.tenant;
    let other = async {
        broker.arrived.notified().await;
        // Another instance finds the tenant claimed, and publishes the events of the other one.
        let broker = Arc::new(Broker::default());
        *broker.room.lock().unwrap() = 100;
        let publisher = Publisher::new(world.context.clone(), broker.clone());
        let mut connection = world.database.connect().await;
        world.tenant = new_tenant(&mut connection).await;
        world.change(&orders[..1]).await;
        world.relay_all().await;
        publisher.turn(&CancellationToken::new()).await.unwrap();
        go_on.notify_one();
        broker.stored().len()
    };
    let stopping = CancellationToken::new();
    let (published, of_other) = tokio::join!(publisher.turn(&stopping), other);
    published.unwrap();
    assert_eq!((broker.stored().len(), of_other), (2, 1));
    let released = format!(
        "SELECT count(*) AS number FROM events.sinks WHERE tenant_id = '{first}' AND due_at IS NULL"
    );
    assert_eq!(world.number(&released).await, 1);
}

#[tokio::test]
async fn events_that_come_while_the_last_page_is_published_are_published_too() {
    let world = World::open().await;
    let orders = world.orders(2).await;
    world.change(&orders).await;
    world.relay_all().await;
    let broker = Arc::new(Broker::default());
    *broker.room.lock().unwrap() = 2;
    let go_on = Arc::new(Notify::new());
    *broker.go_on.lock().unwrap() = Some(go_on.clone());
    let publisher = Publisher::new(world.context.clone(), broker.clone());
    let writing = async {
        broker.arrived.notified().await;
        world.change(&orders).await;
        world.relay_all().await;
        go_on.notify_one();
    };
    let stopping = CancellationToken::new();
    tokio::join!(publisher.turn(&stopping), writing).0.unwrap();
    *broker.room.lock().unwrap() = 2;
    world.end_pauses().await;
    publisher.turn(&stopping).await.unwrap();
    assert_eq!(broker.stored().len(), 4);
}
