//! Sends webhooks.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Proxy, Response, redirect};

use crate::adapters::resolver::{GuardedResolver, LookUp, NotResolved};
use crate::domain::webhooks::address_rules::AddressRules;
use crate::domain::webhooks::endpoint_url::EndpointUrl;
use crate::domain::webhooks::outcome::{Failure, Outcome};
use crate::domain::webhooks::sending::{KEPT_ANSWER, Sent, Webhook};
use crate::ports::WebhookSender;

/// Maximum wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a connection is kept for the next webhook.
const IDLE: Duration = Duration::from_secs(30);

/// Bytes of an answer that are read, so that its connection can be used again.
const MAX_ANSWER: usize = 16 * 1024;

/// The settings of a [`Sender`].
pub struct SenderConfig {
    /// Maximum duration of a delivery, including the connection.
    pub timeout: Duration,
    /// The addresses that may be called.
    pub rules: AddressRules,
    /// How names are looked up.
    pub look_up: Arc<dyn LookUp>,
    /// A proxy that opens all connections. It then guards the network, because it resolves the names.
    pub proxy: Option<String>,
}

/// The clients of all endpoints.
pub struct Sender {
    tls: Guarded,
    plain: Guarded,
}

/// A client, and the addresses that it may call.
struct Guarded {
    client: Client,
    rules: AddressRules,
    /// None with a proxy.
    resolver: Option<GuardedResolver>,
}

impl Sender {
    /// Creates a client without making a request.
    ///
    /// # Errors
    /// If there are no root certificates, or the proxy's URL is invalid.
    ///
    /// # Panics
    /// If no rustls crypto provider is installed.
    pub fn new(config: &SenderConfig) -> Result<Self, reqwest::Error> {
        let plain = config.rules.internal();
        Ok(Self {
            tls: Guarded::new(config, config.rules.clone())?,
            plain: Guarded::new(config, plain)?,
        })
    }

    fn guarded(&self, url: &EndpointUrl) -> &Guarded {
        match url.url().scheme() {
            "https" => &self.tls,
            _ => &self.plain,
        }
    }
}

#[async_trait]
impl WebhookSender for Sender {
    async fn check(&self, url: &EndpointUrl) -> Result<(), Failure> {
        let guarded = self.guarded(url);
        match (url.address(), url.url().host_str(), &guarded.resolver) {
            (Some(address), _, _) if guarded.rules.allow(address) => Ok(()),
            (Some(_), _, _) => Err(Failure::AddressNotAllowed),
            (None, Some(name), Some(resolver)) => match resolver.addresses(name).await {
                Ok(_) => Ok(()),
                Err(NotResolved::NoAddress(_)) => Err(Failure::Dns),
                Err(NotResolved::NotAllowed) => Err(Failure::AddressNotAllowed),
            },
            // The proxy resolves the name.
            (None, _, _) => Ok(()),
        }
    }

    async fn send(&self, webhook: Webhook<'_>) -> Sent {
        let begun = Instant::now();
        let url = webhook.url.url().clone();
        let guarded = self.guarded(webhook.url);
        // A literal address passes no resolver, and the rules may have changed since the endpoint was created.
        let address = webhook.url.address();
        if address.is_some_and(|address| !guarded.rules.allow(address)) {
            return Sent::failed(Failure::AddressNotAllowed, begun.elapsed());
        }
        let request = guarded.client.post(url);
        let request = request.headers(headers(&webhook)).body(webhook.body);
        match request.send().await {
            Ok(answer) => answered(answer, begun).await,
            Err(error) => Sent::failed(failure(&error), begun.elapsed()),
        }
    }
}

impl Guarded {
    fn new(config: &SenderConfig, rules: AddressRules) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .timeout(config.timeout)
            .connect_timeout(CONNECT.min(config.timeout))
            .pool_idle_timeout(IDLE)
            // A redirect is a rejection: it could lead to an address that nobody checked.
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(concat!("oms/", env!("CARGO_PKG_VERSION")));
        let resolver = config.proxy.is_none().then(|| GuardedResolver {
            look_up: config.look_up.clone(),
            rules: rules.clone(),
        });
        let client = match (&config.proxy, &resolver) {
            (Some(proxy), _) => client.proxy(Proxy::all(proxy)?),
            (None, Some(resolver)) => client.no_proxy().dns_resolver(resolver.clone()),
            (None, None) => client.no_proxy(),
        };
        Ok(Self {
            client: client.build()?,
            rules,
            resolver,
        })
    }
}

async fn answered(mut answer: Response, begun: Instant) -> Sent {
    let status = answer.status();
    let retry_after = retry_after(answer.headers());
    let mut read = Vec::new();
    // The status is what counts: an answer that breaks off is still an answer.
    while let Ok(Some(chunk)) = answer.chunk().await {
        read.extend_from_slice(&chunk);
        if read.len() >= MAX_ANSWER {
            break;
        }
    }
    read.truncate(KEPT_ANSWER);
    let outcome = match status.is_success() {
        true => Outcome::Delivered,
        false => Outcome::Answered {
            status: status.as_u16(),
            retry_after,
        },
    };
    Sent {
        outcome,
        status: Some(status.as_u16()),
        duration: begun.elapsed(),
        answer: printable(&read),
    }
}

/// Text that PostgreSQL can store.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut text = text.replace('\0', "\u{fffd}");
    while text.len() > KEPT_ANSWER {
        text.pop();
    }
    text
}

fn headers(webhook: &Webhook<'_>) -> HeaderMap {
    let timestamp = webhook.timestamp.to_string();
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let replay = webhook.replay.map(|id| ("oms-replay", id));
    let of_all = [
        ("webhook-id", webhook.id),
        ("webhook-timestamp", timestamp.as_str()),
        ("webhook-signature", webhook.signature),
    ];
    for (name, value) in of_all.into_iter().chain(replay) {
        // All of them are made by us, of characters that headers may have.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    headers
}

/// Seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    date.duration_since(std::time::SystemTime::now()).ok()
}

fn failure(error: &reqwest::Error) -> Failure {
    if let Some(failure) = cause(error) {
        failure
    } else if error.is_timeout() {
        Failure::Timeout
    } else if error.is_connect() {
        Failure::Connect
    } else {
        Failure::Closed
    }
}

/// What the errors that led to this one say.
fn cause(error: &(dyn Error + 'static)) -> Option<Failure> {
    match error.downcast_ref() {
        Some(NotResolved::NoAddress(_)) => return Some(Failure::Dns),
        Some(NotResolved::NotAllowed) => return Some(Failure::AddressNotAllowed),
        None => {}
    }
    if error.is::<rustls::Error>() {
        return Some(Failure::Tls);
    }
    // `source` skips the error that an `io::Error` contains.
    let contained = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match contained {
        Some(contained) => cause(contained),
        None => error.source().and_then(cause),
    }
}

#[cfg(test)]
mod tests;
