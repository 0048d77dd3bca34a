//! The settings of access control.

use std::num::NonZeroU32;
use std::time::Duration;

use oms_access::{IssuerSettings, RateLimit};

use super::oidc::ConsoleClient;
use super::reader::Reader;
use super::{Environment, oidc};
use crate::client_address::TrustedProxies;

/// Maximum requests per minute of one credential in production. Enough for a whole storefront that uses one key.
const PER_MINUTE: u32 = 60_000;
/// The burst is this fraction of the requests per minute.
const BURST_PART: u32 = 6;

/// The settings for credentials.
#[derive(Clone, Debug)]
pub(crate) struct AccessSettings {
    /// How long a verified key is cached. A revoked key may work for up to this long.
    pub(crate) remember_keys_for: Duration,
    /// The rate limit of each credential. `None` is unlimited.
    pub(crate) rate_limit: Option<RateLimit>,
    /// The issuer whose tokens are accepted beside API keys.
    pub(crate) issuer: Option<IssuerSettings>,
    /// The console's client at the issuer.
    pub(crate) console_client: Option<ConsoleClient>,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub(crate) trusted_proxies: TrustedProxies,
}

impl AccessSettings {
    /// Reads the settings.
    pub(super) fn read(reader: &mut Reader<'_>, environment: Environment) -> Self {
        Self {
            remember_keys_for: reader.milliseconds("OMS_KEY_MEMORY_MS", 10_000, 0..=60_000),
            rate_limit: rate_limit(reader, environment),
            issuer: oidc::issuer(reader, environment),
            console_client: oidc::client(reader),
            trusted_proxies: trusted_proxies(reader),
        }
    }
}

fn trusted_proxies(reader: &mut Reader<'_>) -> TrustedProxies {
    const NAME: &str = "OMS_TRUSTED_PROXIES";
    let proxies = reader.optional(NAME).map(|text| text.parse());
    match proxies.transpose() {
        Ok(proxies) => proxies.unwrap_or_default(),
        Err(error) => {
            reader.problem(NAME, &error);
            TrustedProxies::default()
        }
    }
}

fn rate_limit(reader: &mut Reader<'_>, environment: Environment) -> Option<RateLimit> {
    let default = match environment {
        Environment::Development => 0,
        Environment::Production => PER_MINUTE,
    };
    let per_minute = reader.number("OMS_RATE_LIMIT_PER_MINUTE", default, 0..=6_000_000);
    let of_a_burst = (per_minute / BURST_PART).max(1);
    let burst = reader.number("OMS_RATE_LIMIT_BURST", of_a_burst, 1..=1_000_000);
    Some(RateLimit {
        per_minute: NonZeroU32::new(per_minute)?,
        burst: NonZeroU32::new(burst)?,
    })
}
