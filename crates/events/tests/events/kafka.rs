//! Events are published to Kafka, whatever happens to the broker. librdkafka brings a broker for tests, which speaks the
//! protocol and keeps what it stores while it is down.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use oms_events::{EventSink, KafkaConfig, KafkaSink, Publisher};
use oms_testing::eventually::until;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::history::World;

const TOPIC: &str = "oms.events";
const PARTITIONS: i32 = 4;
const BROKER: i32 = 1;
const PATIENCE: Duration = Duration::from_secs(120);

struct Published {
    world: World,
    cluster: MockCluster<'static, DefaultProducerContext>,
    sink: Arc<KafkaSink>,
    publisher: Publisher,
}

/// A message that the broker has stored.
struct Stored {
    key: String,
    partition: i32,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Published {
    async fn open() -> Self {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(TOPIC, PARTITIONS, 1).unwrap();
        let config = KafkaConfig::new(&cluster.bootstrap_servers(), TOPIC).unwrap();
        let sink = Arc::new(KafkaSink::connect(&config).unwrap());
        until("Kafka is connected", async || sink.is_connected()).await;
        let world = World::open().await;
        Self {
            publisher: Publisher::new(world.context.clone(), sink.clone()),
            world,
            cluster,
            sink,
        }
    }

    /// Everything that the broker has stored, partition by partition.
    fn stored(&self) -> Vec<Stored> {
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", self.cluster.bootstrap_servers())
            .set("group.id", "test")
            .set_log_level(RDKafkaLogLevel::Error);
        let consumer: BaseConsumer = client.create().unwrap();
        let mut stored = Vec::new();
        for partition in 0..PARTITIONS {
            let (first, end) = consumer
                .fetch_watermarks(TOPIC, partition, PATIENCE)
                .unwrap();
            let mut assigned = TopicPartitionList::new();
            let from = Offset::Offset(first);
            assigned
                .add_partition_offset(TOPIC, partition, from)
                .unwrap();
            consumer.assign(&assigned).unwrap();
            for _ in first..end {
                // Between messages it returns nothing, for example when a connection was opened.
                let message = consumer.iter().next().expect("it goes on for ever");
                stored.push(Stored::of(&message.unwrap()));
            }
        }
        stored
    }

    /// The IDs of the events about each order, in the order in which they are stored, without repetitions.
    fn told(&self) -> BTreeMap<String, Vec<String>> {
        let (mut told, mut known) = (BTreeMap::<String, Vec<String>>::new(), HashSet::new());
        for message in self.stored() {
            let id = message.headers["ce_id"].clone();
            if known.insert(id.clone()) {
                told.entry(message.key).or_default().push(id);
            }
        }
        told
    }

    /// The same from the feed.
    async fn feed(&self) -> BTreeMap<String, Vec<String>> {
        let mut feed = BTreeMap::<String, Vec<String>>::new();
        for (_, key) in self.world.feed().await {
            let order = key.subject_id.to_string();
            feed.entry(order).or_default().push(key.to_string());
        }
        feed
    }
}

impl Stored {
    fn of(message: &BorrowedMessage<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let headers = message.headers().unwrap().iter();
        Self {
            key: text(message.key().unwrap()),
            partition: message.partition(),
            headers: headers
                .map(|header| (header.key.to_owned(), text(header.value.unwrap())))
                .collect(),
            body: message.payload().unwrap().to_vec(),
        }
    }
}

#[tokio::test]
async fn events_are_published_in_the_order_of_each_order() {
    let published = Published::open().await;
    let orders = published.world.orders(20).await;
    for _ in 0..3 {
        published.world.change(&orders).await;
    }
    published.world.relay_all().await;
    published.world.publish_all(&published.publisher).await;
    assert_eq!(published.world.published().await, 60);
    assert_eq!(published.publisher.count(true), 60);
    let stored = published.stored();
    assert_eq!(stored.len(), 60);
    assert_eq!(published.told(), published.feed().await);

    // The events of an order are in one partition, and the orders are spread over them.
    let places: HashSet<_> = stored.iter().map(|it| (&it.key, it.partition)).collect();
    assert_eq!(places.len(), orders.len());
    let partitions: HashSet<_> = stored.iter().map(|it| it.partition).collect();
    assert!(partitions.len() > 1);

    let (tenant, first) = (published.world.tenant, &stored[0]);
    let header = |name: &str| first.headers[name].as_str();
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("ce_specversion"), "1.0");
    assert_eq!(header("ce_type"), "oms.order.noted");
    assert_eq!(header("ce_source"), format!("/tenants/{tenant}"));
    assert_eq!(header("ce_subject"), first.key);
    assert_eq!(header("ce_time"), "1970-01-01T00:00:00.000000Z");
    let body: serde_json::Value = serde_json::from_slice(&first.body).unwrap();
    assert_eq!(body["id"], header("ce_id"));
}

#[tokio::test]
async fn nothing_is_lost_or_reordered_when_the_broker_dies() {
    let published = Published::open().await;
    let orders = published.world.orders(20).await;
    for _ in 0..5 {
        published.world.change(&orders).await;
    }
    published.world.relay_all().await;
    for _ in 0..3 {
        published.world.publish(&published.publisher).await;
        published.cluster.broker_down(BROKER).unwrap();
        let sink = &published.sink;
        until("the connection is missed", async || !sink.is_connected()).await;
        published.world.change(&orders).await;
        published.world.relay_all().await;
        let before = published.world.published().await;
        // Nobody acknowledges anything.
        published.world.publish(&published.publisher).await;
        assert_eq!(published.world.published().await, before);
        published.cluster.broker_up(BROKER).unwrap();
        until("Kafka is connected again", async || sink.is_connected()).await;
        published.world.end_pauses().await;
    }
    published.world.publish_all(&published.publisher).await;
    let feed = published.feed().await;
    assert_eq!(feed.values().map(Vec::len).sum::<usize>(), 20 * (5 + 3));
    assert_eq!(published.told(), feed);
}

#[tokio::test]
async fn events_that_the_broker_refuses_wait() {
    let published = Published::open().await;
    let orders = published.world.orders(2).await;
    published.world.change(&orders).await;
    published.world.relay_all().await;
    let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    let refused = [refused; 2];
    published
        .cluster
        .request_errors(RDKafkaApiKey::Produce, &refused);
    published.world.publish(&published.publisher).await;
    assert_eq!(published.world.published().await, 0);
    let pause = "SELECT count(*) AS number FROM events.sinks WHERE due_at > now() AND tries = 1";
    assert_eq!(published.world.number(pause).await, 1);
    published
        .cluster
        .clear_request_errors(RDKafkaApiKey::Produce);
    published.world.end_pauses().await;
    published.world.publish_all(&published.publisher).await;
    assert_eq!(published.told(), published.feed().await);
    let tries = "SELECT sum(tries)::bigint AS number FROM events.sinks";
    assert_eq!(published.world.number(tries).await, 0);
}

#[tokio::test]
async fn a_producer_that_lost_track_begins_anew() {
    let published = Published::open().await;
    let orders = published.world.orders(2).await;
    published.world.change(&orders).await;
    published.world.relay_all().await;
    let lost = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER];
    published
        .cluster
        .request_errors(RDKafkaApiKey::Produce, &lost);
    published.world.publish(&published.publisher).await;
    assert_eq!(published.publisher.count(false), 1);
    published.world.end_pauses().await;
    published.world.publish_all(&published.publisher).await;
    assert_eq!(published.told(), published.feed().await);
}
