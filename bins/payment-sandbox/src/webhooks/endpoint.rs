//! The webhook endpoint and its retry policy, from the command line or from the control API.

use clap::Args;
use serde::Deserialize;
use tokio::time::Duration;

use crate::api_error::ApiError;

const BACKOFF_MS: u64 = 1_000;
const TRIES_MAX: u32 = 10;
/// The number of doublings after which the pause stops growing.
const DOUBLINGS_MAX: u32 = 6;

/// The webhook part of the command line.
#[derive(Clone, Debug, Args)]
pub(crate) struct WebhookOptions {
    /// Where events are delivered; can also be set at run time
    #[arg(long, env = "PAYMENT_SANDBOX_WEBHOOK_URL", requires = "webhook_secret")]
    pub(crate) webhook_url: Option<String>,

    /// The secret that webhooks are signed with (whsec_…)
    #[arg(
        long,
        env = "PAYMENT_SANDBOX_WEBHOOK_SECRET",
        requires = "webhook_url",
        hide_env_values = true
    )]
    pub(crate) webhook_secret: Option<String>,

    /// Pause before the second try of a delivery, in milliseconds; doubles with each further try
    #[arg(long, env = "PAYMENT_SANDBOX_WEBHOOK_BACKOFF_MS", default_value_t = BACKOFF_MS)]
    pub(crate) webhook_backoff_ms: u64,

    /// Number of tries before an event is given up
    #[arg(long, env = "PAYMENT_SANDBOX_WEBHOOK_TRIES", default_value_t = TRIES_MAX)]
    pub(crate) webhook_tries: u32,
}

/// An endpoint as posted to the control API.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EndpointDraft {
    url: String,
    secret: String,
    backoff_ms: Option<u64>,
    tries: Option<u32>,
}

/// An endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WebhookEndpoint {
    pub(crate) url: String,
    pub(crate) secret: String,
    backoff_ms: u64,
    tries: u32,
}

impl WebhookOptions {
    /// The endpoint from the command line, if there is one.
    ///
    /// # Errors
    /// When it is invalid.
    pub(crate) fn endpoint(&self) -> anyhow::Result<Option<WebhookEndpoint>> {
        let (Some(url), Some(secret)) = (&self.webhook_url, &self.webhook_secret) else {
            return Ok(None);
        };
        let endpoint = WebhookEndpoint {
            url: url.clone(),
            secret: secret.clone(),
            backoff_ms: self.webhook_backoff_ms,
            tries: self.webhook_tries,
        };
        endpoint.check().map_err(anyhow::Error::msg)?;
        Ok(Some(endpoint))
    }
}

impl EndpointDraft {
    /// The endpoint, with the command line's defaults for missing fields.
    ///
    /// # Errors
    /// 400 when it is invalid.
    pub(crate) fn endpoint(self) -> Result<WebhookEndpoint, ApiError> {
        let endpoint = WebhookEndpoint {
            url: self.url,
            secret: self.secret,
            backoff_ms: self.backoff_ms.unwrap_or(BACKOFF_MS),
            tries: self.tries.unwrap_or(TRIES_MAX),
        };
        endpoint
            .check()
            .map_err(|problem| ApiError::invalid_request(400, problem))?;
        Ok(endpoint)
    }
}

impl WebhookEndpoint {
    /// The pause after this many tries; `None` after the last.
    pub(crate) fn backoff(&self, tries: u32) -> Option<Duration> {
        let doublings = tries.saturating_sub(1).min(DOUBLINGS_MAX);
        let pause = Duration::from_millis(self.backoff_ms.saturating_mul(1 << doublings));
        (tries < self.tries).then_some(pause)
    }

    fn check(&self) -> Result<(), &'static str> {
        let http = |url: &reqwest::Url| matches!(url.scheme(), "http" | "https");
        if !self.url.parse().as_ref().is_ok_and(http) {
            return Err("The webhook URL must be an absolute http or https URL.");
        }
        if !self.secret.starts_with("whsec_") {
            return Err("The webhook secret must begin with whsec_, as Stripe's do.");
        }
        if self.tries == 0 {
            return Err("A webhook is tried at least once.");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(json: &str) -> Result<WebhookEndpoint, ApiError> {
        serde_json::from_str::<EndpointDraft>(json)
            .unwrap()
            .endpoint()
    }

    #[test]
    fn the_pause_doubles_up_to_a_limit_and_ends_with_the_last_try() {
        let endpoint =
            draft(r#"{"url":"http://a/","secret":"whsec_x","backoffMs":10,"tries":9}"#).unwrap();
        let pauses: Vec<Option<u128>> = [1, 2, 3, 7, 8, 9]
            .map(|tries| endpoint.backoff(tries).map(|pause| pause.as_millis()))
            .into();
        let expected = [Some(10), Some(20), Some(40), Some(640), Some(640), None];
        assert_eq!(pauses, expected);
    }

    #[test]
    fn an_invalid_endpoint_is_rejected() {
        for json in [
            r#"{"url":"localhost","secret":"whsec_x"}"#,
            r#"{"url":"ftp://a/","secret":"whsec_x"}"#,
            r#"{"url":"http://a/","secret":"secret"}"#,
            r#"{"url":"http://a/","secret":"whsec_x","tries":0}"#,
        ] {
            assert_eq!(draft(json).unwrap_err().status, 400, "{json}");
        }
    }
}
