//! The settings of the geocoding service.

use std::time::Duration;

use oms_geocoding::adapters::NominatimConfig;
use secrecy::{ExposeSecret, SecretString};

use super::Environment;
use super::reader::Reader;

const URL: &str = "OMS_GEOCODER_URL";
const CONNECT_TIMEOUT: &str = "OMS_GEOCODER_CONNECT_TIMEOUT_MS";
const TIMEOUT: &str = "OMS_GEOCODER_TIMEOUT_MS";

/// The address of the service, and how long to wait for it.
#[derive(Debug)]
pub(crate) struct GeocoderSettings {
    /// May include an API key.
    url: SecretString,
    connect_timeout: Duration,
    timeout: Duration,
}

impl GeocoderSettings {
    /// Reads the settings. Without a URL no service is called.
    pub(super) fn read(reader: &mut Reader<'_>, environment: Environment) -> Option<Self> {
        let Some(url) = reader.url_nearby(URL, environment) else {
            let mut rest = [CONNECT_TIMEOUT, TIMEOUT].into_iter();
            if let Some(name) = rest.find(|name| reader.optional(name).is_some()) {
                reader.problem(name, "has no effect without OMS_GEOCODER_URL");
            }
            return None;
        };
        Some(Self {
            url: url.into(),
            connect_timeout: reader.milliseconds(CONNECT_TIMEOUT, 1000, 100..=60_000),
            timeout: reader.milliseconds(TIMEOUT, 3000, 100..=60_000),
        })
    }

    /// The configuration of the client.
    pub(crate) fn client(&self) -> NominatimConfig {
        NominatimConfig {
            connect_timeout: self.connect_timeout,
            timeout: self.timeout,
            ..NominatimConfig::new(self.url.expose_secret())
        }
    }
}
