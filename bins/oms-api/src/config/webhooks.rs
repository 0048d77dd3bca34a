//! The settings of webhooks: where events may be sent, and the keys that seal secrets.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use oms_events::{AddressRules, SealingKeys};

use super::Environment;
use super::reader::Reader;

const KEYS: &str = "OMS_SECRET_KEYS";
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
    /// A proxy that opens all connections.
    pub(crate) proxy: Option<String>,
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
            proxy: reader.url("OMS_WEBHOOK_PROXY", environment),
            timeout: reader.milliseconds("OMS_WEBHOOK_TIMEOUT_MS", 15_000, 1000..=30_000),
        }
    }
}
