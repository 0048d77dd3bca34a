//! Publishes events to NATS JetStream.

use std::path::PathBuf;
use std::time::Duration;

pub use async_nats::ServerAddr;
use async_nats::connection::State;
use async_nats::jetstream::context::{PublishError as JetStreamError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions, Event};
use async_trait::async_trait;
use tokio::time::Instant;

use crate::domain::publishing::{Message, PublishError, Published};
use crate::ports::EventSink;

/// Maximum wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Maximum wait for an acknowledgement.
const ACKNOWLEDGE: Duration = Duration::from_secs(5);

/// The settings of a [`NatsSink`].
#[derive(Clone)]
pub struct NatsConfig {
    /// URLs of servers of one cluster, separated by commas. They may contain passwords.
    pub servers: String,
    /// A file with a JWT and the seed of a key, as `nsc` writes it.
    pub credentials: Option<PathBuf>,
    /// A file with the certificates of authorities that are trusted besides those of the system.
    pub certificates: Option<PathBuf>,
}

/// Why NATS can't be used.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// A URL is malformed. It may contain a password, so it is not repeated.
    #[error("must be URLs such as nats://nats.example.com:4222 or tls://…, separated by commas")]
    Url,
    /// A file can't be read or used.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// The settings contradict each other.
    #[error("{0}")]
    Connect(#[from] async_nats::ConnectError),
}

impl NatsConfig {
    /// Reads the URLs.
    ///
    /// # Errors
    /// `NatsError::Url`.
    pub fn addresses(&self) -> Result<Vec<ServerAddr>, NatsError> {
        let texts = self.servers.split(',').map(str::trim);
        let addresses: Vec<ServerAddr> = texts
            .map(|text| text.parse().map_err(|_| NatsError::Url))
            .collect::<Result<_, _>>()?;
        let is_complete =
            |it: &ServerAddr| ["nats", "tls"].contains(&it.scheme()) && !it.host().is_empty();
        match addresses.iter().all(is_complete) {
            true => Ok(addresses),
            false => Err(NatsError::Url),
        }
    }
}

/// A connection to NATS, which is opened again whenever it breaks.
pub struct NatsSink {
    client: Client,
    jetstream: Context,
}

impl NatsSink {
    /// Begins to connect. Does not wait for the server.
    ///
    /// # Errors
    /// `NatsError`.
    ///
    /// # Panics
    /// If no rustls crypto provider is installed.
    pub async fn connect(config: &NatsConfig) -> Result<Self, NatsError> {
        let mut options = ConnectOptions::new()
            .name("oms")
            .retry_on_initial_connect()
            .connection_timeout(CONNECT)
            .event_callback(|event| async move { log(&event) });
        if let Some(file) = &config.credentials {
            options = options.credentials(&std::fs::read_to_string(file)?)?;
        }
        if let Some(file) = &config.certificates {
            options = options.add_root_certificates(file.clone());
        }
        let client = options.connect(config.addresses()?).await?;
        let jetstream = jetstream::ContextBuilder::new()
            .timeout(ACKNOWLEDGE)
            .build(client.clone());
        Ok(Self { client, jetstream })
    }

    async fn publish_one(&self, message: &Message) -> Result<(), PublishError> {
        if !self.is_connected() {
            return Err(PublishError::Unreachable);
        }
        let subject = subject_of(message);
        let publish = PublishMessage::build()
            .payload(message.body.clone().into())
            .message_id(message.deduplication_id())
            .header("content-type", "application/json")
            .header("ce-specversion", "1.0")
            .header("ce-id", message.id().as_str())
            .header(
                "ce-source",
                format!("/tenants/{}", message.tenant()).as_str(),
            )
            .header("ce-type", format!("oms.{}", message.event_type()).as_str())
            .header("ce-subject", message.subject().id.to_string().as_str())
            .header("ce-time", message.time().as_str());
        let sent = self.jetstream.send_publish(subject.clone(), publish).await;
        let acknowledged = match sent {
            Ok(acknowledgement) => acknowledgement.await,
            Err(error) => Err(error),
        };
        match acknowledged {
            Ok(_) => Ok(()),
            Err(error) => Err(self.refusal(&subject, &error)),
        }
    }

    fn refusal(&self, subject: &str, error: &JetStreamError) -> PublishError {
        match error.kind() {
            _ if !self.is_connected() => PublishError::Unreachable,
            PublishErrorKind::StreamNotFound => PublishError::Refused(format!(
                "no stream of JetStream has the subject {subject}: create one with the subjects oms.>"
            )),
            _ => PublishError::Refused(error.to_string()),
        }
    }
}

#[async_trait]
impl EventSink for NatsSink {
    fn name(&self) -> &'static str {
        "nats"
    }

    fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// One message at a time: if one was lost with its connection, the next one must not be stored before it.
    async fn publish(&self, messages: &[Message], until: Instant) -> Published {
        let mut published = Published::default();
        for message in messages {
            if Instant::now() >= until {
                break;
            }
            match self.publish_one(message).await {
                Ok(()) => published.acknowledged += 1,
                Err(error) => {
                    published.error = Some(error);
                    break;
                }
            }
        }
        published
    }
}

/// `oms.<tenant>.<type>`, where a type is two words with a dot.
fn subject_of(message: &Message) -> String {
    let kind: String = message.event_type().chars().map(allowed).collect();
    format!("oms.{}.{kind}", message.tenant())
}

/// Spaces and wildcards have a meaning in subjects.
fn allowed(character: char) -> char {
    match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => character,
        _ => '_',
    }
}

fn log(event: &Event) {
    match event {
        Event::Connected => tracing::info!("connected to NATS"),
        Event::Disconnected => tracing::warn!("disconnected from NATS"),
        event => tracing::warn!(%event, "NATS"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_separated_by_commas_and_a_malformed_one_is_not_repeated() {
        let addresses = |servers: &str| {
            let config = NatsConfig {
                servers: servers.to_owned(),
                credentials: None,
                certificates: None,
            };
            config.addresses().map(|it| it.len())
        };
        assert_eq!(
            addresses("nats://a:4222, tls://user:secret@b:4222").ok(),
            Some(2)
        );
        for malformed in ["", "nats://", "nats://a,", "http s3cret", "ws://s3cret"] {
            let error = addresses(malformed).unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn wildcards_and_spaces_are_replaced_in_subjects() {
        let text: String = "order.paid *>\r\n".chars().map(allowed).collect();
        assert_eq!(text, "order.paid_____");
    }
}
