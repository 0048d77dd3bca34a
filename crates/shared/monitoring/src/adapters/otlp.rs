//! Export of spans to a collector through [OTLP](https://opentelemetry.io/docs/specs/otlp/) over HTTP.

use std::env;
use std::error::Error;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracerProvider, Tracer};
use reqwest::{Client, Url, redirect};
use tokio::runtime::Handle;

/// Maximum wait for the collector. Spans that can't be sent are lost, which is acceptable because they are not records.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum wait for the last spans when the program stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum size of an answer, in bytes. Collectors send very short answers.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The error for an invalid configuration.
#[derive(Debug, thiserror::Error)]
pub enum InvalidOtlp {
    /// The endpoint is invalid. The error doesn't repeat it, because it may contain a key.
    #[error("the endpoint is not an http or https URL")]
    Endpoint,
    /// The HTTP client could not be created, for example because there are no root certificates.
    #[error("can't create an HTTP client")]
    Client(#[source] reqwest::Error),
    /// Another setting in the environment is invalid.
    #[error("can't create an exporter: {0}")]
    Exporter(String),
}

/// Exports spans in the background, in batches, from a bounded queue. Spans are lost while it is full.
#[derive(Debug)]
pub struct SpanExport {
    provider: SdkTracerProvider,
}

impl SpanExport {
    /// Starts the export. `endpoint` excludes `/v1/traces`. Requests run in `runtime`, which must live until
    /// [`SpanExport::stop`].
    ///
    /// The standard variables of
    /// [OpenTelemetry](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/) apply:
    /// `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, `OTEL_BSP_…`,
    /// `OTEL_EXPORTER_OTLP_HEADERS`.
    ///
    /// # Errors
    /// If the endpoint or a setting is invalid.
    ///
    /// # Panics
    /// If no rustls crypto provider is installed.
    pub fn start(
        endpoint: &str,
        service: &str,
        version: &str,
        runtime: Handle,
    ) -> Result<Self, InvalidOtlp> {
        let mut url = Url::parse(endpoint).map_err(|_| InvalidOtlp::Endpoint)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidOtlp::Endpoint);
        }
        url.path_segments_mut()
            .map_err(|()| InvalidOtlp::Endpoint)?
            .pop_if_empty()
            .extend(["v1", "traces"]);
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(RuntimeClient {
                client: client(&url)?,
                runtime,
            })
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(TIMEOUT)
            .with_endpoint(url)
            .build()
            .map_err(|error| InvalidOtlp::Exporter(error.to_string()))?;
        let mut resource = Resource::builder()
            .with_attribute(KeyValue::new("service.version", version.to_owned()));
        if env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name(service.to_owned());
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        Ok(Self { provider })
    }

    /// Sends the remaining spans within five seconds. It blocks, so don't call it in a task.
    pub fn stop(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(STOP_TIMEOUT) {
            tracing::warn!(cause = %error, "could not send the last spans");
        }
    }

    pub(crate) fn tracer(&self) -> Tracer {
        self.provider.tracer("oms")
    }
}

fn client(url: &Url) -> Result<Client, InvalidOtlp> {
    let mut client = Client::builder()
        .timeout(TIMEOUT)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("oms/", env!("CARGO_PKG_VERSION")));
    if url.scheme() == "http" {
        // A machine without root certificates can still use a local service.
        client = client.tls_certs_only([]);
    }
    client.build().map_err(InvalidOtlp::Client)
}

/// Runs requests in a tokio runtime, because the exporter's thread is not part of one.
#[derive(Debug)]
struct RuntimeClient {
    client: Client,
    runtime: Handle,
}

#[async_trait::async_trait]
impl HttpClient for RuntimeClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.runtime.spawn(send(self.client.clone(), request)).await;
        let answer = sent.unwrap_or_else(|error| Err(error.into()));
        answer.inspect_err(|error| {
            let cause: &dyn Error = error.as_ref();
            tracing::warn!(cause, "could not send spans");
        })
    }
}

async fn send(client: Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let answer = client.execute(request.try_into()?).await;
    let answer = answer.and_then(reqwest::Response::error_for_status);
    let mut answer = answer.map_err(reqwest::Error::without_url)?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err("the collector's answer is too large".into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response::builder()
        .status(answer.status())
        .body(body.into())?)
}
