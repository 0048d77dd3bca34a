//! A webhook: somebody else's URL that takes JSON, such as that of a pager, a chat, or a small program in between.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, StatusCode, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// Where to post, and how long to wait.
#[derive(Clone, Debug)]
pub struct WebhookConfig {
    /// http or https. Never logged: it may carry a key.
    pub url: SecretString,
    /// Sent as `Authorization: Bearer …`, if there is one.
    pub secret: Option<SecretString>,
    /// Longest wait for an answer, connecting included.
    pub timeout: Duration,
}

/// A configuration that no webhook can be made of.
#[derive(Debug, thiserror::Error)]
pub enum InvalidWebhook {
    /// It is not repeated: it may carry a key.
    #[error("the URL is not an http or https URL")]
    Url,
    /// It can't stand in a header.
    #[error("the secret has characters that no header can have")]
    Secret,
    /// The HTTP client could not be made, for want of root certificates, say.
    #[error("can't make an HTTP client")]
    Client(#[source] reqwest::Error),
}

/// A message that was not taken, as far as is known.
#[derive(Debug, thiserror::Error)]
pub enum NotPosted {
    /// There was no answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// It could not be reached, or hung up.
    #[error("it can't be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// Its answer was not a 2xx.
    #[error("it answered {0}")]
    Refused(StatusCode),
}

/// A webhook. Posts each message once: whoever calls it knows when to do it again.
pub struct Webhook {
    client: Client,
    url: Url,
    authorization: Option<HeaderValue>,
}

impl Webhook {
    /// A client; posts nothing yet.
    ///
    /// # Errors
    /// When the URL or the secret can't be used.
    ///
    /// # Panics
    /// When the program has installed no rustls crypto provider.
    pub fn new(config: &WebhookConfig) -> Result<Self, InvalidWebhook> {
        let url = Url::parse(config.url.expose_secret()).map_err(|_| InvalidWebhook::Url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidWebhook::Url);
        }
        let authorization = config.secret.as_ref().map(bearer).transpose()?;
        let mut client = Client::builder()
            .timeout(config.timeout)
            // The secret is sent only to where the operator said.
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(concat!("oms/", env!("CARGO_PKG_VERSION")));
        if url.scheme() == "http" {
            // Machines without root certificates can still use a service of their own.
            client = client.tls_certs_only([]);
        }
        Ok(Self {
            client: client.build().map_err(InvalidWebhook::Client)?,
            url,
            authorization,
        })
    }

    /// Posts a message. Its answer's body is not read.
    ///
    /// # Errors
    /// When it was not taken, or may not have been: the receiver may get it again.
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
