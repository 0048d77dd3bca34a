//! How to reach Stripe.

use std::time::Duration;

use oms_circuit_breaker::BreakerConfig;
use oms_validation::InstallationId;
use secrecy::SecretString;

/// How to reach Stripe, and how long to wait for it.
#[derive(Clone, Debug)]
pub struct StripeConfig {
    /// The base URL, without `/v1`: `https://api.stripe.com`.
    pub api_url: String,
    /// The secret key, `sk_…` or `rk_…`.
    pub secret_key: SecretString,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for a whole answer, connecting included.
    pub timeout: Duration,
    /// When the circuit breaker opens.
    pub breaker: BreakerConfig,
    /// The installation, for the metadata of its payments.
    pub installation: Option<InstallationId>,
    /// Returns additional headers for each call, such as the trace that it belongs to.
    pub headers: fn() -> Vec<(&'static str, String)>,
}

/// The configuration is invalid. The error never repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStripeConfig {
    /// Not a URL.
    #[error("the API URL must be an http or https URL without user, query and fragment")]
    Url,
    /// Not a key.
    #[error("the secret key must be printable ASCII without spaces")]
    SecretKey,
    /// The HTTP client could not be built.
    #[error("could not build the HTTP client")]
    Client,
}

impl StripeConfig {
    /// The defaults for a base URL and a key.
    pub fn new(api_url: impl Into<String>, secret_key: SecretString) -> Self {
        Self {
            api_url: api_url.into(),
            secret_key,
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(8),
            breaker: BreakerConfig::default(),
            installation: None,
            headers: Vec::new,
        }
    }
}
