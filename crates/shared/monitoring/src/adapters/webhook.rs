//! A webhook: an external URL that accepts JSON, such as that of a pager, a chat, or a custom relay.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, StatusCode, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// The settings of a webhook.
#[derive(Clone, Debug)]
pub struct WebhookConfig {
    /// An http or https URL. It is never logged, because it may contain a key.
    pub url: SecretString,
    /// Sent as `Authorization: Bearer …`.
    pub secret: Option<SecretString>,
    /// Maximum wait for an answer, including the connection.
    pub timeout: Duration,
}

/// The error for an invalid configuration.
#[derive(Debug, thiserror::Error)]
pub enum InvalidWebhook {
    /// The URL is invalid. The error doesn't repeat it, because it may contain a key.
    #[error("the URL is not an http or https URL")]
    Url,
    /// The secret can't be sent in a header.
    #[error("the secret has characters that a header can't contain")]
    Secret,
    /// The HTTP client could not be created, for example because there are no root certificates.
    #[error("can't create an HTTP client")]
    Client(#[source] reqwest::Error),
}

/// The error for a message that was not accepted, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum NotPosted {
    /// The receiver did not answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// The receiver could not be reached, or closed the connection.
    #[error("the receiver can't be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// The status of the answer was not 2xx.
    #[error("the receiver answered {0}")]
    Refused(StatusCode),
}

/// A webhook. It posts each message once; the caller decides about retries.
pub struct Webhook {
    client: Client,
    url: Url,
    authorization: Option<HeaderValue>,
}

impl Webhook {
    /// Creates a client without making a request.
    ///
    /// # Errors
    /// If the URL or the secret is invalid.
    ///
    /// # Panics
    /// If no rustls crypto provider is installed.
    pub fn new(config: &WebhookConfig) -> Result<Self, InvalidWebhook> {
        let url = Url::parse(config.url.expose_secret()).map_err(|_| InvalidWebhook::Url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidWebhook::Url);
        }
        let authorization = config.secret.as_ref().map(bearer).transpose()?;
        let mut client = Client::builder()
            .timeout(config.timeout)
            // The secret is sent only to the configured host.
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(concat!("oms/", env!("CARGO_PKG_VERSION")));
        if url.scheme() == "http" {
            // A machine without root certificates can still use a local service.
            client = client.tls_certs_only([]);
        }
        Ok(Self {
            client: client.build().map_err(InvalidWebhook::Client)?,
            url,
            authorization,
        })
    }

    /// Posts a message. The body of the answer is ignored.
    ///
    /// # Errors
    /// If the message was not accepted, or possibly not. A retry may deliver it twice.
    pub async fn post(&self, message: &Value) -> Result<(), NotPosted> {
        let mut request = self.client.post(self.url.clone()).json(message);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let answer = request.send().await.map_err(|error| {
            if error.is_timeout() {
                return NotPosted::TimedOut;
            }
            NotPosted::Unreachable(error.without_url().into())
        })?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(NotPosted::Refused(status)),
        }
    }
}

fn bearer(secret: &SecretString) -> Result<HeaderValue, InvalidWebhook> {
    let text = format!("Bearer {}", secret.expose_secret());
    let mut value = HeaderValue::from_str(&text).map_err(|_| InvalidWebhook::Secret)?;
    value.set_sensitive(true);
    Ok(value)
}
