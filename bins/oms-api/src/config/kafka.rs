//! The settings of Kafka, to which events are published. Only builds with the feature `kafka` have it.

use super::Environment;
use super::reader::Reader;

const BROKERS: &str = "OMS_EVENTS_KAFKA_BROKERS";
const TOPIC: &str = "OMS_EVENTS_KAFKA_TOPIC";
const PROPERTIES: &str = "OMS_EVENTS_KAFKA_PROPERTIES";

#[cfg(feature = "kafka")]
pub(crate) type KafkaSettings = oms_events::KafkaConfig;
/// There are none in this build.
#[cfg(not(feature = "kafka"))]
#[derive(Clone, Debug)]
pub(crate) enum KafkaSettings {}

/// `None`: nothing is published.
pub(super) fn read(reader: &mut Reader<'_>, environment: Environment) -> Option<KafkaSettings> {
    let Some(brokers) = reader.optional(BROKERS) else {
        let mut rest = [TOPIC, PROPERTIES].into_iter();
        if let Some(name) = rest.find(|name| reader.optional(name).is_some()) {
            reader.problem(name, "has no effect without OMS_EVENTS_KAFKA_BROKERS");
        }
        return None;
    };
    of(reader, environment, &brokers)
}

#[cfg(not(feature = "kafka"))]
fn of(reader: &mut Reader<'_>, _: Environment, _: &str) -> Option<KafkaSettings> {
    let message =
        "can't be used: this oms-api was built without the feature `kafka` or `kafka-tls`";
    reader.problem(BROKERS, message);
    None
}

#[cfg(feature = "kafka")]
fn of(reader: &mut Reader<'_>, environment: Environment, brokers: &str) -> Option<KafkaSettings> {
    use oms_events::{KafkaConfig, KafkaError};

    let topic = reader.optional(TOPIC);
    let topic = topic.as_deref().unwrap_or("oms.events");
    let mut kafka = match KafkaConfig::new(brokers, topic) {
        Ok(kafka) => kafka,
        Err(error) => {
            let name = if error == KafkaError::Topic {
                TOPIC
            } else {
                BROKERS
            };
            reader.problem(name, &error.to_string());
            return None;
        }
    };
    if let Some(file) = reader.optional(PROPERTIES) {
        let text = std::fs::read_to_string(file).map_err(|error| error.to_string());
        let read = text.and_then(|text| kafka.with_properties(&text).map_err(|it| it.to_string()));
        match read {
            Ok(read) => kafka = read,
            Err(problem) => {
                reader.problem(PROPERTIES, &format!("can't be used: {problem}"));
                return None;
            }
        }
    }
    let is_exposed = !kafka.is_encrypted() && !kafka.hosts().all(super::is_loopback);
    if environment == Environment::Production && is_exposed {
        let message = "must be on this machine in production, unless OMS_EVENTS_KAFKA_PROPERTIES sets security.protocol to ssl or sasl_ssl";
        reader.problem(BROKERS, message);
    }
    Some(kafka)
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{DATABASE, read};

    /// The problems of these settings.
    fn problems(settings: &[(&str, &str)]) -> Vec<String> {
        let read = read(&[&[DATABASE], settings].concat());
        let problems = read.map_or_else(|refused| refused.0, |_| Vec::new());
        let own = problems.into_iter().filter(|it| it.contains("KAFKA"));
        own.collect()
    }

    #[test]
    fn nothing_is_published_without_brokers() {
        assert!(problems(&[]).is_empty());
        for name in ["OMS_EVENTS_KAFKA_TOPIC", "OMS_EVENTS_KAFKA_PROPERTIES"] {
            let problems = problems(&[(name, "hunter2")]);
            assert_eq!(problems.len(), 1);
            assert!(problems[0].starts_with(name) && !problems[0].contains("hunter2"));
        }
    }

    #[cfg(not(feature = "kafka"))]
    #[test]
    fn a_build_without_kafka_says_so() {
        let problems = problems(&[("OMS_EVENTS_KAFKA_BROKERS", "localhost:9092")]);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("without the feature `kafka`"));
    }

    #[cfg(feature = "kafka")]
    #[test]
    fn settings_that_can_not_be_used_are_refused_and_not_repeated() {
        let brokers = ("OMS_EVENTS_KAFKA_BROKERS", "localhost:9092");
        assert!(problems(&[brokers]).is_empty());
        for (name, value) in [
            ("OMS_EVENTS_KAFKA_BROKERS", "https://hunter2"),
            ("OMS_EVENTS_KAFKA_TOPIC", "hunter2 2"),
            ("OMS_EVENTS_KAFKA_PROPERTIES", "/does/not/exist/hunter2"),
        ] {
            let problems = problems(&[(name, value), brokers]);
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(name), "{problems:?}");
            assert!(!problems[0].contains("hunter2"), "{problems:?}");
        }
    }

    #[cfg(feature = "kafka")]
    #[test]
    fn production_publishes_over_tls_or_on_this_machine() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kafka.properties");
        std::fs::write(&file, "security.protocol=sasl_ssl\n").unwrap();
        let in_production = |rest: &[(&str, &str)]| {
            let production = [("OMS_ENV", "production")];
            problems(&[production.as_slice(), rest].concat()).len()
        };
        let brokers = ("OMS_EVENTS_KAFKA_BROKERS", "kafka.example.com:9092");
        assert_eq!(in_production(&[brokers]), 1);
        let file = file.to_str().unwrap();
        assert_eq!(
            in_production(&[brokers, ("OMS_EVENTS_KAFKA_PROPERTIES", file)]),
            0
        );
        for (brokers, problems) in [
            ("127.0.0.1:9092,[::1]:2", 0),
            ("localhost:9092", 0),
            ("localhost:9092,a:2", 1),
            ("127.0.0.1.example.com:1", 1),
        ] {
            let brokers = ("OMS_EVENTS_KAFKA_BROKERS", brokers);
            assert_eq!(in_production(&[brokers]), problems, "{brokers:?}");
        }
    }
}
