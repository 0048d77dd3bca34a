//! Whether a broker is connected, as librdkafka reports it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientContext, Statistics};

/// Whether any broker is connected. False until the first one is.
#[derive(Default)]
pub(super) struct Connection(AtomicBool);

impl Connection {
    pub(super) fn is_up(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, is_up: bool) {
        match (self.0.swap(is_up, Ordering::Relaxed), is_up) {
            (false, true) => tracing::info!("connected to Kafka"),
            (true, false) => tracing::warn!("disconnected from Kafka"),
            _ => {}
        }
    }
}

/// Receives what librdkafka reports, on a thread of its own.
pub(super) struct Watcher(pub(super) Arc<Connection>);

impl ClientContext for Watcher {
    fn stats(&self, statistics: Statistics) {
        let mut brokers = statistics.brokers.values();
        self.0.set(brokers.any(|broker| broker.state == "UP"));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            self.0.set(false);
        }
        tracing::debug!(%error, reason, "Kafka");
    }

    /// librdkafka leaves out repetitions.
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => tracing::warn!(facility, message, "Kafka"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!(facility, message, "Kafka");
            }
        }
    }
}
