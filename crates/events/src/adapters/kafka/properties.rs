//! The settings of the connections to Kafka.

use std::fmt;

/// Properties that oms sets itself, because what it promises depends on them.
const OWN: [&str; 14] = [
    "acks",
    "allow.auto.create.topics",
    "bootstrap.servers",
    "delivery.timeout.ms",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "linger.ms",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.timeout.ms",
    "metadata.broker.list",
    "request.required.acks",
    "statistics.interval.ms",
    "transactional.id",
];

/// The settings of a [`KafkaSink`](super::KafkaSink).
#[derive(Clone)]
pub struct KafkaConfig {
    brokers: String,
    topic: String,
    /// Names and values. They may contain passwords.
    properties: Vec<(String, String)>,
}

/// Why Kafka can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KafkaError {
    /// The brokers are not addresses.
    #[error("must be addresses such as kafka.example.com:9092, separated by commas")]
    Brokers,
    /// The topic can't be one of Kafka.
    #[error("must be 1 to 249 of the letters a-z and A-Z, digits, `.`, `_` and `-`")]
    Topic,
    /// A line of the properties is malformed. It may contain a password, so it is not repeated.
    #[error("line {0} is not `name=value`")]
    Line(usize),
    /// oms sets this property itself.
    #[error("{0} is set by oms")]
    Own(String),
    /// librdkafka does not know a property, or can't use its value.
    #[error("{0}")]
    Property(String),
}

impl KafkaConfig {
    /// Reads brokers (`host:port`, separated by commas) and the name of a topic.
    ///
    /// # Errors
    /// `KafkaError::Brokers` or `Topic`.
    pub fn new(brokers: &str, topic: &str) -> Result<Self, KafkaError> {
        let brokers: Vec<&str> = brokers.split(',').map(str::trim).collect();
        if !brokers.iter().all(|broker| is_address(broker)) {
            return Err(KafkaError::Brokers);
        }
        let is_allowed = |it: char| it.is_ascii_alphanumeric() || ".-_".contains(it);
        let is_topic = (1..=249).contains(&topic.len()) && topic.chars().all(is_allowed);
        // Kafka refuses these two names.
        if !is_topic || [".", ".."].contains(&topic) {
            return Err(KafkaError::Topic);
        }
        Ok(Self {
            brokers: brokers.join(","),
            topic: topic.to_owned(),
            properties: Vec::new(),
        })
    }

    /// Adds properties of librdkafka: lines of `name=value`, and comments that begin with `#`.
    ///
    /// # Errors
    /// `KafkaError::Line` or `Own`.
    pub fn with_properties(mut self, text: &str) -> Result<Self, KafkaError> {
        for (index, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let pair = line.split_once('=').ok_or(KafkaError::Line(index + 1))?;
            let (name, value) = (pair.0.trim(), pair.1.trim());
            if name.is_empty() {
                return Err(KafkaError::Line(index + 1));
            }
            if OWN.contains(&name) {
                return Err(KafkaError::Own(name.to_owned()));
            }
            self.properties.push((name.to_owned(), value.to_owned()));
        }
        Ok(self)
    }

    /// The names or addresses of the brokers.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        let brokers = self.brokers.split(',');
        brokers.map(|it| it.rsplit_once(':').map_or(it, |(host, _)| host))
    }

    /// Whether the properties ask for TLS.
    pub fn is_encrypted(&self) -> bool {
        let mut named = self.properties.iter().rev();
        let protocol = named.find(|(name, _)| name == "security.protocol");
        protocol.is_some_and(|(_, value)| {
            ["ssl", "sasl_ssl"].contains(&value.to_ascii_lowercase().as_str())
        })
    }

    pub(super) fn brokers(&self) -> &str {
        &self.brokers
    }

    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    pub(super) fn properties(&self) -> &[(String, String)] {
        &self.properties
    }
}

impl fmt::Debug for KafkaConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.properties.iter().map(|(name, _)| name);
        formatter
            .debug_struct("KafkaConfig")
            .field("brokers", &self.brokers)
            .field("topic", &self.topic)
            .field("properties", &names.collect::<Vec<_>>())
            .finish()
    }
}

/// `host:port`, where an IPv6 address is in brackets.
fn is_address(text: &str) -> bool {
    let Some((name, port)) = text.rsplit_once(':') else {
        return false;
    };
    let is_host = match name.strip_prefix('[') {
        Some(rest) => rest.ends_with(']'),
        None => {
            let is_allowed = |it: char| it.is_ascii_alphanumeric() || ".-_".contains(it);
            !name.is_empty() && name.chars().all(is_allowed)
        }
    };
    is_host && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kafka(brokers: &str) -> KafkaConfig {
        KafkaConfig::new(brokers, "oms.events").unwrap()
    }

    #[test]
    fn brokers_are_addresses_with_ports() {
        assert_eq!(
            kafka("a:9092, b.example.com:1").brokers(),
            "a:9092,b.example.com:1"
        );
        assert_eq!(kafka("[::1]:9092").brokers(), "[::1]:9092");
        for wrong in [
            "",
            "a",
            "a:9092,",
            "a:0",
            "a:65536",
            "ssl://a:9092",
            "oms:hunter2@a:9092",
        ] {
            assert_eq!(
                KafkaConfig::new(wrong, "t").err(),
                Some(KafkaError::Brokers),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_topic_is_one_that_kafka_allows() {
        let longest = "t".repeat(249);
        for right in ["oms.events", "a", "A_1-b", &longest] {
            assert!(KafkaConfig::new("a:1", right).is_ok(), "{right}");
        }
        let too_long = "t".repeat(250);
        for wrong in ["", ".", "..", "oms events", "oms/events", "ömS", &too_long] {
            assert_eq!(
                KafkaConfig::new("a:1", wrong).err(),
                Some(KafkaError::Topic),
                "{wrong}"
            );
        }
    }

    #[test]
    fn properties_are_lines_and_no_value_is_repeated() {
        let text = "# Of the cluster\n\n security.protocol = SASL_SSL\nsasl.password=hunter2=\n";
        let config = kafka("a:1").with_properties(text).unwrap();
        let expected = [
            ("security.protocol", "SASL_SSL"),
            ("sasl.password", "hunter2="),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(config.properties(), expected);
        assert!(!format!("{config:?}").contains("hunter2"));
        for wrong in ["a=b\nhunter2", "a=b\n=hunter2"] {
            let error = kafka("a:1").with_properties(wrong).unwrap_err();
            assert_eq!(error, KafkaError::Line(2));
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn properties_on_which_the_order_depends_are_refused() {
        for name in OWN {
            let error = kafka("a:1").with_properties(&format!("{name} = 1")).err();
            assert_eq!(error, Some(KafkaError::Own(name.to_owned())));
        }
    }

    #[test]
    fn brokers_have_hosts() {
        let config = kafka("a:9092,[::1]:1");
        assert_eq!(config.hosts().collect::<Vec<_>>(), ["a", "[::1]"]);
    }

    #[test]
    fn events_are_encrypted_if_the_last_protocol_is_one_with_tls() {
        let with = |text: &str| {
            let config = kafka("a:1").with_properties(text);
            config.unwrap().is_encrypted()
        };
        assert!(with("security.protocol=ssl") && with("security.protocol=SASL_SSL"));
        assert!(!with("") && !with("security.protocol=sasl_plaintext"));
        assert!(!with("security.protocol=ssl\nsecurity.protocol=plaintext"));
    }
}
