//! Events are published to NATS, whatever happens to the server.

use std::sync::Arc;

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::Config;
use async_nats::jetstream::{self, Context};
use oms_events::{EventSink, NatsConfig, NatsSink, Publisher};
use oms_testing::NatsServer;
use oms_testing::eventually::{eventually, until};
use tokio_util::sync::CancellationToken;

use crate::history::World;

const STREAM: &str = "OMS";

struct Published {
    world: World,
    server: NatsServer,
    sink: Arc<NatsSink>,
    publisher: Publisher,
}

impl Published {
    async fn open() -> Self {
        // The same as the program does.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (world, server) = (World::open().await, NatsServer::start().await);
        let sink = sink(&server.url()).await;
        let publisher = Publisher::new(world.context.clone(), sink.clone());
        Self {
            world,
            server,
            sink,
            publisher,
        }
    }

    async fn jetstream(&self) -> Context {
        let client = async_nats::connect(self.server.url()).await.unwrap();
        jetstream::new(client)
    }

    async fn create_stream(&self) {
        let config = Config {
            name: STREAM.to_owned(),
            subjects: vec!["oms.>".to_owned()],
            ..Config::default()
        };
        self.jetstream().await.create_stream(config).await.unwrap();
    }

    /// Everything that the stream has stored, in its order.
    async fn stored(&self) -> Vec<StreamMessage> {
        let stream = self.jetstream().await.get_stream(STREAM).await.unwrap();
        let last = stream.cached_info().state.last_sequence;
        let mut messages = Vec::new();
        for sequence in 1..=last {
            messages.push(stream.get_raw_message(sequence).await.unwrap());
        }
        messages
    }

    async fn stored_ids(&self) -> Vec<String> {
        let id = |it: &StreamMessage| it.headers.get("ce-id").unwrap().to_string();
        self.stored().await.iter().map(id).collect()
    }

    async fn feed(&self) -> Vec<String> {
        let feed = self.world.feed().await.into_iter();
        feed.map(|(_, key)| key.to_string()).collect()
    }
}

async fn sink(url: &str) -> Arc<NatsSink> {
    let config = NatsConfig {
        servers: url.to_owned(),
        credentials: None,
        certificates: None,
    };
    let sink = NatsSink::connect(&config).await.unwrap();
    until("NATS is connected", async || sink.is_connected()).await;
    Arc::new(sink)
}

#[tokio::test]
async fn events_are_published_in_the_order_of_the_feed() {
    let published = Published::open().await;
    published.create_stream().await;
    let orders = published.world.orders(3).await;
    for _ in 0..3 {
        published.world.change(&orders).await;
    }
    published.world.relay_all().await;
    published.world.publish_all(&published.publisher).await;
    assert_eq!(published.stored_ids().await, published.feed().await);
    assert_eq!(published.world.published().await, 9);
    assert_eq!(published.publisher.count(true), 9);

    let tenant = published.world.tenant;
    let first = published.stored().await.remove(0);
    assert_eq!(first.subject.as_str(), format!("oms.{tenant}.order.noted"));
    let header = |name: &str| first.headers.get(name).unwrap().to_string();
    let id = &published.feed().await[0];
    assert_eq!(header("Nats-Msg-Id"), format!("{tenant}/{id}"));
    assert_eq!(header("ce-type"), "oms.order.noted");
    assert_eq!(header("ce-source"), format!("/tenants/{tenant}"));
    assert_eq!(header("ce-subject"), orders[0].to_string());
    assert_eq!(header("ce-time"), "1970-01-01T00:00:00.000000Z");
    let body: serde_json::Value = serde_json::from_slice(&first.payload).unwrap();
    assert_eq!(body["id"], *id);

    // What happens later makes the tenant due again.
    published.world.change(&orders).await;
    published.world.relay_all().await;
    published.world.publish_all(&published.publisher).await;
    assert_eq!(published.stored_ids().await, published.feed().await);
}

#[tokio::test]
async fn nothing_is_lost_or_reordered_when_the_server_is_killed() {
    let mut published = Published::open().await;
    published.create_stream().await;
    let orders = published.world.orders(20).await;
    for _ in 0..20 {
        published.world.change(&orders).await;
    }
    published.world.relay_all().await;
    for _ in 0..3 {
        published.world.publish(&published.publisher).await;
        published.server.kill();
        published.world.change(&orders).await;
        published.world.relay_all().await;
        // Nobody acknowledges anything.
        published.world.publish(&published.publisher).await;
        published.server.restart().await;
        let sink = &published.sink;
        until("NATS is connected again", async || sink.is_connected()).await;
    }
    published.world.publish_all(&published.publisher).await;
    let feed = published.feed().await;
    assert_eq!(feed.len(), 20 * 20 + 3 * 20);
    assert_eq!(published.stored_ids().await, feed);
}

#[tokio::test]
async fn a_server_that_is_killed_while_it_acknowledges_gets_each_event_once() {
    let mut published = Published::open().await;
    published.create_stream().await;
    let orders = published.world.orders(50).await;
    for _ in 0..10 {
        published.world.change(&orders).await;
    }
    published.world.relay_all().await;
    // The messages are on their way when the server dies.
    let child = published.server.id();
    let stopping = CancellationToken::new();
    let jetstream = published.jetstream().await;
    let dying = async {
        eventually("some events are stored", async || {
            let mut stream = jetstream.get_stream(STREAM).await.ok()?;
            let state = &stream.info().await.ok()?.state;
            (state.messages >= 20).then_some(())
        })
        .await;
        NatsServer::kill_process(child);
    };
    tokio::join!(published.publisher.turn(&stopping), dying)
        .0
        .unwrap();
    published.server.kill();
    published.server.restart().await;
    let sink = &published.sink;
    until("NATS is connected again", async || sink.is_connected()).await;
    published.world.publish_all(&published.publisher).await;
    assert_eq!(published.stored_ids().await, published.feed().await);
}

#[tokio::test]
async fn an_event_that_is_published_again_is_stored_once() {
    let published = Published::open().await;
    published.create_stream().await;
    let orders = published.world.orders(5).await;
    published.world.change(&orders).await;
    published.world.relay_all().await;
    published.world.publish_all(&published.publisher).await;
    let back = "UPDATE events.sinks SET position = 0, due_at = now()";
    published.world.run_sql(back).await;
    published.world.publish_all(&published.publisher).await;
    assert_eq!(published.publisher.count(true), 10);
    assert_eq!(published.stored_ids().await, published.feed().await);
}

#[tokio::test]
async fn without_a_stream_events_wait() {
    let published = Published::open().await;
    let orders = published.world.orders(2).await;
    published.world.change(&orders).await;
    published.world.relay_all().await;
    published.world.publish(&published.publisher).await;
    published.world.publish(&published.publisher).await;
    assert_eq!(
        (
            published.publisher.count(true),
            published.world.published().await
        ),
        (0, 0)
    );
    // It is tried again after a pause.
    assert_eq!(published.publisher.count(false), 1);
    let pause = "SELECT count(*) AS number FROM events.sinks WHERE due_at > now() AND tries = 1";
    assert_eq!(published.world.number(pause).await, 1);
    published.create_stream().await;
    let now = "UPDATE events.sinks SET due_at = now()";
    published.world.run_sql(now).await;
    published.world.publish_all(&published.publisher).await;
    assert_eq!(published.stored_ids().await, published.feed().await);
    let tries = "SELECT sum(tries)::bigint AS number FROM events.sinks";
    assert_eq!(published.world.number(tries).await, 0);
}
