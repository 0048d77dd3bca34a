//! Publishes events to Kafka.

mod connection;
mod properties;

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use rdkafka::ClientConfig;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use tokio::time::Instant;

use self::connection::{Connection, Watcher};
pub use self::properties::{KafkaConfig, KafkaError};
use crate::domain::publishing::{Message, PublishError, Published};
use crate::ports::EventSink;

/// Maximum wait for an acknowledgement, in milliseconds, with all of librdkafka's own tries.
const ACKNOWLEDGE_MS: &str = "5000";
/// How often the state of connections is read, in milliseconds.
const LOOK_MS: &str = "1000";
/// Longest pause before a broker is connected to again, in milliseconds.
const RECONNECT_MS: &str = "1000";

type Producer = FutureProducer<Watcher>;

/// Connections to a Kafka cluster, which are opened again whenever they break.
pub struct KafkaSink {
    client: ClientConfig,
    topic: String,
    connection: Arc<Connection>,
    /// Replaced after an error from which it can't recover.
    producer: RwLock<Producer>,
}

impl KafkaSink {
    /// Begins to connect. Does not wait for a broker.
    ///
    /// # Errors
    /// If librdkafka does not know a property, or can't use its value.
    pub fn connect(config: &KafkaConfig) -> Result<Self, KafkaError> {
        let mut client = ClientConfig::new();
        client
            .set("client.id", "oms")
            .set("bootstrap.servers", config.brokers())
            // The partitions that producers in Java choose.
            .set("partitioner", "murmur2_random")
            .set("reconnect.backoff.max.ms", RECONNECT_MS);
        for (name, value) in config.properties() {
            client.set(name, value);
        }
        client
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("allow.auto.create.topics", "false")
            // An event is sent at once: others wait for its acknowledgement.
            .set("linger.ms", "0")
            .set("message.timeout.ms", ACKNOWLEDGE_MS)
            .set("statistics.interval.ms", LOOK_MS);
        let connection = Arc::new(Connection::default());
        let producer = open(&client, &connection)?;
        Ok(Self {
            client,
            topic: config.topic().to_owned(),
            connection,
            producer: RwLock::new(producer),
        })
    }

    async fn publish_one(
        &self,
        producer: &Producer,
        message: &Message,
    ) -> Result<(), PublishError> {
        let key = message.subject().id.to_string();
        let record = FutureRecord::to(&self.topic)
            .key(&key)
            .payload(&message.body)
            .timestamp(message.time_ms())
            .headers(headers(message));
        match producer.send(record, Duration::ZERO).await {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(self.refusal(error.rdkafka_error_code())),
        }
    }

    fn refusal(&self, code: Option<RDKafkaErrorCode>) -> PublishError {
        match code {
            _ if !self.is_connected() => PublishError::Unreachable,
            Some(RDKafkaErrorCode::MessageTimedOut) => PublishError::Refused(format!(
                "no acknowledgement came from Kafka within {ACKNOWLEDGE_MS} ms: does the topic {} exist, and have enough of its replicas?",
                self.topic
            )),
            Some(code) => PublishError::Refused(code.to_string()),
            None => PublishError::Refused("Kafka did not take the event".to_owned()),
        }
    }

    fn producer(&self) -> Producer {
        let producer = self.producer.read();
        producer.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A producer that lost track of what the brokers have stored refuses everything from then on.
    fn replace_failed(&self) {
        let mut current = self
            .producer
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let Some((_, reason)) = current.client().fatal_error() else {
            return;
        };
        tracing::warn!(
            reason,
            "the producer for Kafka can't continue; a new one begins"
        );
        match open(&self.client, &self.connection) {
            Ok(producer) => *current = producer,
            Err(error) => tracing::error!(%error, "can't open a new producer for Kafka"),
        }
    }
}

fn open(client: &ClientConfig, connection: &Arc<Connection>) -> Result<Producer, KafkaError> {
    let watcher = Watcher(connection.clone());
    let producer = client.create_with_context(watcher);
    producer.map_err(|error| KafkaError::Property(error.to_string()))
}

#[async_trait]
impl EventSink for KafkaSink {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn is_connected(&self) -> bool {
        self.connection.is_up()
    }

    /// One message at a time about each subject: its next one is sent when the one before it is acknowledged. So a
    /// message that is sent again is never stored after a later one of its subject that was stored first.
    async fn publish(&self, messages: &[Message], until: Instant) -> Published {
        let mut published = Published::default();
        let mut rest = messages;
        while !rest.is_empty() && Instant::now() < until {
            if !self.is_connected() {
                published.error = Some(PublishError::Unreachable);
                break;
            }
            let (now, later) = rest.split_at(one_of_each_subject(rest));
            let producer = self.producer();
            let sent = now.iter().map(|it| self.publish_one(&producer, it));
            for outcome in join_all(sent).await {
                match outcome {
                    Ok(()) if published.error.is_none() => published.acknowledged += 1,
                    Ok(()) => {}
                    // The first error says why the position stays where it is.
                    Err(error) => published.error = published.error.or(Some(error)),
                }
            }
            if published.error.is_some() {
                self.replace_failed();
                break;
            }
            rest = later;
        }
        published
    }
}

/// How many messages, from the first on, are about different subjects.
fn one_of_each_subject(messages: &[Message]) -> usize {
    let mut subjects = HashSet::new();
    let repeated = messages
        .iter()
        .position(|message| !subjects.insert(message.subject().id));
    repeated.unwrap_or(messages.len())
}

/// The attributes of a CloudEvent, as its binding for Kafka names them.
fn headers(message: &Message) -> OwnedHeaders {
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", message.id()),
        ("ce_source", format!("/tenants/{}", message.tenant())),
        ("ce_type", format!("oms.{}", message.event_type())),
        ("ce_subject", message.subject().id.to_string()),
        ("ce_time", message.time()),
    ];
    let of = OwnedHeaders::new_with_capacity(headers.len());
    headers.iter().fold(of, |of, (key, value)| {
        of.insert(Header {
            key,
            value: Some(value),
        })
    })
}
