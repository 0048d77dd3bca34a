//! The broker of Kafka that librdkafka has for its own tests.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

/// A broker that speaks Kafka's protocol and stores messages in memory. It stops when this value is dropped.
pub struct KafkaBroker(MockCluster<'static, DefaultProducerContext>);

impl KafkaBroker {
    /// Starts a broker that has one topic.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn start(topic: &str) -> Self {
        const PARTITIONS: i32 = 4;
        let cluster = MockCluster::new(1).expect("a broker starts on this machine");
        let created = cluster.create_topic(topic, PARTITIONS, 1);
        created.expect("a topic is created once");
        Self(cluster)
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.0.bootstrap_servers()
    }
}
