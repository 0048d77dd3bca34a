//! Events are published to NATS and Kafka.

use async_nats::jetstream;
use oms_testing::NatsServer;

use crate::eventually::{eventually, until};
use crate::shop::Shop;

#[tokio::test]
async fn an_order_is_published_with_the_events_of_the_feed() {
    let mut server = NatsServer::start().await;
    let shop = Shop::open_with(&[
        ("OMS_EVENTS_NATS_URL", &server.url()),
        ("OMS_EVENTS_INTERVAL_MS", "100"),
    ])
    .await;
    let client = async_nats::connect(server.url()).await.unwrap();
    let jetstream = jetstream::new(client);
    let config = jetstream::stream::Config {
        name: "OMS".to_owned(),
        subjects: vec!["oms.>".to_owned()],
        ..jetstream::stream::Config::default()
    };
    let mut stream = jetstream.create_stream(config).await.unwrap();
    shop.paid().await;
    let published = eventually("the events are published", async || {
        let stored = stream.info().await.unwrap().state.messages;
        (stored >= 2).then_some(stored)
    })
    .await;
    assert_eq!(published, 2);
    let mut events = Vec::new();
    for sequence in 1..=2 {
        let message = stream.get_raw_message(sequence).await.unwrap();
        let event: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
        events.push(event);
    }
    assert_eq!(events, shop.whole_feed().await);
    let series = "oms_events_published_total{outcome=\"published\",sink=\"nats\"}";
    assert_eq!(shop.metric(series).await.as_deref(), Some("2"));

    // Orders do not need the broker, and their events come when it is back.
    server.kill();
    shop.paid().await;
    let connected = "oms_events_sink_connected{sink=\"nats\"}";
    until("the connection is missed", async || {
        shop.metric(connected).await.as_deref() == Some("0")
    })
    .await;
    server.restart().await;
    until("the events are published", async || {
        shop.metric(series).await.as_deref() == Some("4")
    })
    .await;
}

/// The tests of oms-events read what the broker stores.
#[cfg(feature = "kafka")]
#[tokio::test]
async fn an_order_is_published_to_kafka() {
    let broker = oms_testing::KafkaBroker::start("shop");
    let shop = Shop::open_with(&[
        ("OMS_EVENTS_KAFKA_BROKERS", &broker.address()),
        ("OMS_EVENTS_KAFKA_TOPIC", "shop"),
        ("OMS_EVENTS_INTERVAL_MS", "100"),
    ])
    .await;
    shop.paid().await;
    let series = "oms_events_published_total{outcome=\"published\",sink=\"kafka\"}";
    until("the events are published", async || {
        shop.metric(series).await.as_deref() == Some("2")
    })
    .await;
    assert_eq!(shop.whole_feed().await.len(), 2);
    let connected = "oms_events_sink_connected{sink=\"kafka\"}";
    assert_eq!(shop.metric(connected).await.as_deref(), Some("1"));
}
