//! The settings of webhooks: where events may be sent, and the keys that seal secrets.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use oms_events::{AddressRules, SealingKeys};
use secrecy::SecretString;

use super::Environment;
use super::reader::Reader;

const KEYS: &str = "OMS_SECRET_KEYS";
const PROXY: &str = "OMS_WEBHOOK_PROXY";
const NETWORKS: &str = "OMS_WEBHOOK_ALLOW_NETWORKS";

/// Seals secrets in development, where everybody may read the database.
const DEVELOPMENT_KEY: &str = "development:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// In development, webhooks are sent to this machine.
const DEVELOPMENT_NETWORKS: &str = "127.0.0.0/8,::1/128";

/// The settings of webhooks.
#[derive(Clone, Debug)]
pub(crate) struct WebhookSettings {
    /// `None`: no endpoint can be created.
    pub(crate) keys: Option<Arc<SealingKeys>>,
    /// The addresses that may be called.
    pub(crate) rules: AddressRules,
    /// A proxy that opens all connections. Its URL may contain a password.
    pub(crate) proxy: Option<SecretString>,
    /// Maximum duration of a delivery.
    pub(crate) timeout: Duration,
}

impl WebhookSettings {
    /// Reads the settings.
    pub(super) fn read(reader: &mut Reader<'_>, environment: Environment) -> Self {
        let (key, networks) = match environment {
            Environment::Development => (DEVELOPMENT_KEY, DEVELOPMENT_NETWORKS),
            Environment::Production => ("", ""),
        };
        let keys = reader.parsed(KEYS, key, |text| match text {
            "" => Ok(None),
            text => SealingKeys::parse(text)
                .map(|keys| Some(Arc::new(keys)))
                .map_err(|error| error.to_string()),
        });
        let rules = reader.parsed(NETWORKS, networks, |text| {
            let networks = text.split(',').map(str::trim).filter(|it| !it.is_empty());
            let networks: Result<Vec<IpNet>, _> = networks.map(str::parse).collect();
            networks
                .map(AddressRules::allowing)
                .map_err(|_| "must be a list of networks such as 10.0.0.0/8".to_owned())
        });
        Self {
            keys,
            rules,
            proxy: proxy(reader),
            timeout: reader.milliseconds("OMS_WEBHOOK_TIMEOUT_MS", 15_000, 1000..=30_000),
        }
    }
}

/// Only names and encrypted connections pass through it, so plain http is enough.
fn proxy(reader: &mut Reader<'_>) -> Option<SecretString> {
    let url = reader.optional(PROXY)?;
    if !(url.starts_with("http://") || url.starts_with("https://")) {
        reader.problem(PROXY, "must be an http or https URL");
    }
    Some(SecretString::from(url))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use crate::config::Config;

    fn read(settings: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let value = |name: &str| {
            let found = settings.iter().find(|(known, _)| *known == name);
            let found = found.map(|(_, value)| (*value).to_owned());
            found
                .or_else(|| (name == "DATABASE_URL").then(|| "postgres://localhost/oms".to_owned()))
        };
        Config::from_env(&value).map_err(|refused| refused.0)
    }

    #[test]
    fn development_sends_to_this_machine_and_production_to_the_internet() {
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        let development = read(&[]).unwrap().webhooks;
        assert!(development.keys.is_some());
        assert!(development.rules.allow(here));
        let networks = ("OMS_WEBHOOK_ALLOW_NETWORKS", " 10.0.0.0/8, fd00::/8 ");
        let internal = read(&[networks]).unwrap().webhooks;
        assert!(!internal.rules.allow(here));
        assert!(internal.rules.allow("10.1.2.3".parse().unwrap()));
        assert!(internal.rules.allow("fd00::7".parse().unwrap()));
    }

    #[test]
    fn values_that_can_not_be_used_are_refused_and_not_repeated() {
        for (name, value) in [
            ("OMS_SECRET_KEYS", "s3cret"),
            ("OMS_SECRET_KEYS", "s3cret:AAAA"),
            ("OMS_SECRET_KEYS", "a:s3cret"),
            ("OMS_WEBHOOK_ALLOW_NETWORKS", "10.0.0.0/33"),
            ("OMS_WEBHOOK_ALLOW_NETWORKS", "erp.internal"),
            ("OMS_WEBHOOK_PROXY", "proxy.s3cret:3128"),
            ("OMS_WEBHOOK_TIMEOUT_MS", "999"),
            ("OMS_WEBHOOK_TIMEOUT_MS", "30001"),
        ] {
            let problems = read(&[(name, value)]).unwrap_err();
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(name), "{problems:?}");
            let is_id = value.starts_with("s3cret:");
            assert_eq!(problems[0].contains("s3cret"), is_id, "{problems:?}");
        }
    }

    #[test]
    fn neither_a_key_nor_the_password_of_the_proxy_is_printed() {
        let key = "a:c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3I=";
        let proxy = ("OMS_WEBHOOK_PROXY", "http://oms:hunter2@proxy:3128");
        let config = read(&[("OMS_SECRET_KEYS", key), proxy]).unwrap();
        let printed = format!("{:?}", config.webhooks);
        assert!(
            !printed.contains("hunter2") && !printed.contains("c2Vj"),
            "{printed}"
        );
    }
}
