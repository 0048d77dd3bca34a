//! The settings of brokers, to which events are published.

use std::path::PathBuf;

use oms_events::NatsConfig;
use secrecy::{ExposeSecret, SecretString};

use super::Environment;
use super::reader::Reader;

const NATS_URL: &str = "OMS_EVENTS_NATS_URL";
const NATS_CREDENTIALS: &str = "OMS_EVENTS_NATS_CREDENTIALS";
const NATS_CA: &str = "OMS_EVENTS_NATS_CA";

/// The settings of NATS.
#[derive(Clone, Debug)]
pub(crate) struct NatsSettings {
    /// URLs of the servers, which may contain passwords.
    servers: SecretString,
    credentials: Option<PathBuf>,
    certificates: Option<PathBuf>,
}

impl NatsSettings {
    /// `None`: nothing is published.
    pub(super) fn read(reader: &mut Reader<'_>, environment: Environment) -> Option<Self> {
        let Some(servers) = reader.optional(NATS_URL) else {
            let mut rest = [NATS_CREDENTIALS, NATS_CA].into_iter();
            if let Some(name) = rest.find(|name| reader.optional(name).is_some()) {
                reader.problem(name, "has no effect without OMS_EVENTS_NATS_URL");
            }
            return None;
        };
        let settings = Self {
            servers: servers.into(),
            credentials: reader.optional(NATS_CREDENTIALS).map(PathBuf::from),
            certificates: reader.optional(NATS_CA).map(PathBuf::from),
        };
        match settings.client().addresses() {
            Err(error) => reader.problem(NATS_URL, &error.to_string()),
            Ok(addresses) if environment == Environment::Production => {
                // On this machine nobody can eavesdrop.
                let is_exposed = |it: &oms_events::NatsAddress| {
                    it.scheme() != "tls" && !super::is_loopback(it.host())
                };
                if addresses.iter().any(is_exposed) {
                    let message = "must be tls:// URLs in production, or nats:// on this machine";
                    reader.problem(NATS_URL, message);
                }
            }
            Ok(_) => {}
        }
        Some(settings)
    }

    /// The settings of the client.
    pub(crate) fn client(&self) -> NatsConfig {
        NatsConfig {
            servers: self.servers.expose_secret().to_owned(),
            credentials: self.credentials.clone(),
            certificates: self.certificates.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::config::tests::DATABASE;

    fn read(settings: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let read = crate::config::tests::read(&[&[DATABASE], settings].concat());
        read.map_err(|refused| refused.0)
    }

    #[test]
    fn nothing_is_published_unless_there_is_a_url() {
        assert!(read(&[]).unwrap().nats.is_none());
        let url = (
            "OMS_EVENTS_NATS_URL",
            "nats://a:4222,nats://oms:hunter2@b:4222",
        );
        let nats = read(&[url]).unwrap().nats.unwrap();
        assert_eq!(nats.client().addresses().unwrap().len(), 2);
        assert!(!format!("{nats:?}").contains("hunter2"));
    }

    #[test]
    fn settings_that_can_not_be_used_are_refused_and_not_repeated() {
        for setting in [
            ("OMS_EVENTS_NATS_URL", "https://hunter2"),
            ("OMS_EVENTS_NATS_CREDENTIALS", "hunter2.creds"),
            ("OMS_EVENTS_NATS_CA", "hunter2.pem"),
        ] {
            let problems = read(&[setting]).unwrap_err();
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(setting.0), "{problems:?}");
            assert!(!problems[0].contains("hunter2"), "{problems:?}");
        }
    }

    #[test]
    fn production_publishes_over_tls_or_on_this_machine() {
        let problems = |url| {
            let settings = [("OMS_ENV", "production"), ("OMS_EVENTS_NATS_URL", url)];
            let problems = read(&settings).err().unwrap_or_default();
            let own = problems
                .iter()
                .filter(|it| it.starts_with("OMS_EVENTS_NATS"));
            own.count()
        };
        for url in [
            "tls://nats.example.com",
            "nats://127.0.0.1",
            "nats://[::1]:4222",
        ] {
            assert_eq!(problems(url), 0, "{url}");
        }
        for url in [
            "nats://nats.example.com",
            "tls://a,nats://b",
            "nats://localhost@b",
        ] {
            assert_eq!(problems(url), 1, "{url}");
        }
    }
}
