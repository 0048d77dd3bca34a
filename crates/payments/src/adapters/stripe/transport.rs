//! One HTTP request to Stripe and its complete answer, in bounded time and space. Does not interpret answers.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use tracing::Instrument;

use super::config::{InvalidStripeConfig, StripeConfig};
use super::forms::Form;
use crate::{GatewayError, GatewayFault, Operation, OperationKey};

/// The API version that this adapter was written for. Pinned, so that an upgrade of the account changes nothing here.
/// <https://docs.stripe.com/api/versioning>
const STRIPE_VERSION: &str = "2026-07-29.dahlia";

/// Largest answer, in bytes. A payment intent has about 5,000.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// Largest page of a list, in bytes: up to 100 objects with up to 50 metadata entries each.
const MAX_PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Connections that were idle for longer are not reused: if a server closed one while we write to it, the effect of a
/// confirmation would be unknown.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// A request.
pub(super) struct Call<'a> {
    pub(super) operation: Operation,
    path: String,
    body: Option<(Form<'a>, OperationKey)>,
}

impl<'a> Call<'a> {
    pub(super) fn get(operation: Operation, path: String) -> Self {
        Self {
            operation,
            path,
            body: None,
        }
    }

    pub(super) fn post(
        operation: Operation,
        path: String,
        form: Form<'a>,
        key: OperationKey,
    ) -> Self {
        Self {
            operation,
            path,
            body: Some((form, key)),
        }
    }
}

/// An answer with any status.
pub(super) struct Answer {
    pub(super) operation: Operation,
    pub(super) status: u16,
    pub(super) request_id: Option<String>,
    pub(super) body: Vec<u8>,
}

/// Sends requests.
#[derive(Debug)]
pub(super) struct Transport {
    client: Client,
    base: String,
    secret_key: SecretString,
    headers: fn() -> Vec<(&'static str, String)>,
}

impl Transport {
    pub(super) fn new(config: &StripeConfig) -> Result<Self, InvalidStripeConfig> {
        let url = base_url(&config.api_url).ok_or(InvalidStripeConfig::Url)?;
        let key = config.secret_key.expose_secret();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidStripeConfig::SecretKey);
        }
        let mut builder = Client::builder()
            .connect_timeout(config.connect_timeout)
            .timeout(config.timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(Policy::none())
            // Only callers know whether a call can be repeated.
            .retry(reqwest::retry::never())
            .user_agent(concat!("oms/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&url) {
            builder = builder.no_proxy();
        }
        if url.scheme() == "http" {
            // A machine without root certificates can still use a sandbox.
            builder = builder.tls_certs_only([]);
        }
        Ok(Self {
            client: builder.build().map_err(|_| InvalidStripeConfig::Client)?,
            base: url.as_str().trim_end_matches('/').to_owned(),
            secret_key: config.secret_key.clone(),
            headers: config.headers,
        })
    }

    /// Makes the call.
    pub(super) async fn exchange(&self, call: Call<'_>) -> Result<Answer, GatewayError> {
        let operation = call.operation;
        let span = tracing::info_span!("gateway_call", %operation, otel.kind = "client");
        self.exchange_in_span(call).instrument(span).await
    }

    async fn exchange_in_span(&self, call: Call<'_>) -> Result<Answer, GatewayError> {
        let operation = call.operation;
        let sent = self.request(&call).send().await;
        let response = sent.map_err(|error| of_transport(operation, error))?;
        let status = response.status().as_u16();
        let request_id = request_id(&response);
        tracing::debug!(%operation, status, request_id, "the payment gateway answered");
        let body = match read_bounded(response, max_bytes(operation)).await {
            Ok(Some(body)) => body,
            Ok(None) => {
                let fault = GatewayFault::Unintelligible { status };
                return Err(GatewayError::new(operation, fault)
                    .with_request_id(request_id)
                    .with_source("the answer is too large"));
            }
            Err(error) => {
                return Err(of_transport(operation, error).with_request_id(request_id));
            }
        };
        Ok(Answer {
            operation,
            status,
            request_id,
            body,
        })
    }

    fn request(&self, call: &Call<'_>) -> RequestBuilder {
        let url = format!("{}{}", self.base, call.path);
        let mut request = match &call.body {
            None => self.client.get(url),
            Some((form, key)) => self
                .client
                .post(url)
                .header("Idempotency-Key", key.as_str())
                .form(form),
        };
        for (name, value) in (self.headers)() {
            request = request.header(name, value);
        }
        request
            .header(AUTHORIZATION, self.authorization())
            .header("Stripe-Version", STRIPE_VERSION)
    }

    fn authorization(&self) -> HeaderValue {
        let bearer = format!("Bearer {}", self.secret_key.expose_secret());
        let mut value = HeaderValue::from_str(&bearer).expect("the key was checked");
        value.set_sensitive(true);
        value
    }
}

/// Classifies a failure to send or to receive by its effect.
fn of_transport(operation: Operation, error: reqwest::Error) -> GatewayError {
    let fault = if error.is_connect() || error.is_builder() {
        GatewayFault::NoConnection
    } else if error.is_timeout() {
        GatewayFault::TimedOut
    } else {
        GatewayFault::Interrupted
    };
    GatewayError::new(operation, fault).with_source(error.without_url())
}

fn max_bytes(operation: Operation) -> usize {
    match operation {
        Operation::ListCharges => MAX_PAGE_BYTES,
        _ => MAX_ANSWER_BYTES,
    }
}

/// Reads the body, unless it is too large.
async fn read_bounded(
    mut response: Response,
    max_bytes: usize,
) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > max_bytes {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// <https://docs.stripe.com/api/request_ids>
fn request_id(response: &Response) -> Option<String> {
    let value = response.headers().get("request-id")?.to_str().ok()?;
    let of_an_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (value.len() <= 100 && value.bytes().all(of_an_id)).then(|| value.to_owned())
}

fn base_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && plain).then_some(url)
}

fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}
