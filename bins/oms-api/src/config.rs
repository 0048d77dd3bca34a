//! The configuration: one typed struct, read from the environment. All problems are reported together.

mod access;
mod alerts;
mod bounds;
mod brokers;
mod console;
mod database;
mod geocoder;
mod look_ups;
mod oidc;
mod payments;
mod reader;
mod reconcile;
#[cfg(test)]
mod reference;
mod retention;
#[cfg(test)]
mod settings;
mod sweep;
#[cfg(test)]
mod tests;
mod webhooks;

use std::path::PathBuf;
use std::time::Duration;

use actix_web::http::Uri;
use oms_inventory::http::ImportLimits;
use oms_monitoring::adapters::webhook::WebhookConfig;
use oms_monitoring::logs::LogFormat;
use oms_orders::{OrderBounds, ReconcileSchedule};
use oms_payments::adapters::stripe::WebhookSecrets;
use oms_validation::{Currency, TenantId};
use oms_web::BodyLimits;
use secrecy::{ExposeSecret, SecretString};

pub(crate) use access::AccessSettings;
pub(crate) use brokers::NatsSettings;
pub(crate) use console::ConsoleConfig;
pub(crate) use database::DatabaseSettings;
pub(crate) use geocoder::GeocoderSettings;
pub(crate) use look_ups::LookUpLimits;
pub(crate) use payments::PaymentSettings;
pub(crate) use reader::InvalidConfig;
use reader::Reader;
pub(crate) use retention::RetentionSettings;
pub(crate) use sweep::SweepSettings;
pub(crate) use webhooks::WebhookSettings;

/// The kind of installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Environment {
    /// On a developer's machine: the sandbox gateway, demo addresses, loopback only.
    Development,
    /// For real orders: development settings are rejected.
    Production,
}

/// All settings. `settings.rs` describes each variable for `docs/reference/configuration.md`.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) environment: Environment,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) metrics_host: String,
    pub(crate) metrics_port: u16,
    pub(crate) database: DatabaseSettings,
    pub(crate) http: HttpLimits,
    pub(crate) imports: ImportLimits,
    pub(crate) gateway: Gateway,
    pub(crate) stripe: StripeSettings,
    /// `None`: no service is called.
    pub(crate) geocoder: Option<GeocoderSettings>,
    pub(crate) look_ups: LookUpLimits,
    pub(crate) address_book: Option<PathBuf>,
    pub(crate) currency: Currency,
    /// Tenant of requests without a key (development only) and of gateway events that name no other tenant.
    pub(crate) tenant: TenantId,
    /// Maximum orders of one tenant that are placed in one batch.
    pub(crate) intake_batch_max: usize,
    /// Maximum batches of one tenant in flight.
    pub(crate) intake_batches: usize,
    /// Maximum time that an order waits in the queue.
    pub(crate) intake_timeout: Duration,
    /// How long a batch may block the next one of its kind.
    pub(crate) intake_overdue: Duration,
    pub(crate) access: AccessSettings,
    /// `None`: there is no console.
    pub(crate) console: Option<ConsoleConfig>,
    /// Where alerts are posted, in addition to the log.
    pub(crate) alert_webhook: Option<WebhookConfig>,
    pub(crate) sweep: SweepSettings,
    /// Interval at which events stored by other instances are looked for. Events of this instance are applied
    /// immediately.
    pub(crate) gateway_events_interval: Duration,
    /// Interval at which events that other instances appended are looked for. Events of this instance are relayed
    /// immediately.
    pub(crate) events_interval: Duration,
    pub(crate) webhooks: WebhookSettings,
    /// `None`: events are not published to NATS.
    pub(crate) nats: Option<NatsSettings>,
    /// Interval between two passes over the fulfilment orders.
    pub(crate) fulfilment_interval: Duration,
    /// `None`: never.
    pub(crate) reconcile: Option<ReconcileSchedule>,
    pub(crate) payments: PaymentSettings,
    pub(crate) order_bounds: OrderBounds,
    pub(crate) retention: RetentionSettings,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) log_format: LogFormat,
    /// Where spans are sent, without `/v1/traces`.
    pub(crate) otlp_endpoint: Option<SecretString>,
}

/// Limits on what clients can consume.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HttpLimits {
    pub(crate) max_body_bytes: usize,
    pub(crate) head_timeout: Duration,
    pub(crate) body_timeout: Duration,
    /// Time in which a client must read the next part of its answer.
    pub(crate) send_timeout: Duration,
    pub(crate) max_connections: usize,
    /// Maximum requests of known credentials in flight.
    pub(crate) max_in_flight: usize,
    /// Maximum requests in flight whose credential is being looked up.
    pub(crate) max_unidentified: usize,
    /// Maximum signed requests in flight.
    pub(crate) max_webhooks: usize,
}

/// The payment gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gateway {
    /// Stripe, or any gateway that speaks its protocol.
    Stripe,
    /// No gateway: every payment counts as collected immediately. For benchmarks, in development only.
    Instant,
}

/// The connection settings of Stripe.
#[derive(Debug)]
pub(crate) struct StripeSettings {
    pub(crate) api_url: String,
    pub(crate) secret_key: SecretString,
    /// Secrets of the webhook endpoint. Without them there is no endpoint.
    pub(crate) webhook_secrets: Option<WebhookSecrets>,
    pub(crate) connect_timeout: Duration,
    pub(crate) timeout: Duration,
    /// Whether a development server may call a gateway on another machine.
    pub(crate) allow_remote: bool,
}

/// The address on which `cargo xtask start` runs the sandbox gateway.
const SANDBOX_URL: &str = "http://127.0.0.1:12111";
const SANDBOX_KEY: &str = "sk_test_sandbox";
/// The secret with which `cargo xtask start` lets the sandbox sign its webhooks.
const SANDBOX_WEBHOOK_SECRET: &str = "whsec_sandbox";
/// Useful number of waiting requests: every order that the queue of a tenant accepts, plus, for each connection,
/// roughly the number of other requests that it serves within the maximum wait for a connection.
const WAITING_ORDERS: usize = 10_000;
const WAITING_FOR_A_CONNECTION: usize = 100;
/// The only tenant of most installations.
const DEFAULT_TENANT: &str = "00000000-0000-4000-8000-000000000001";

impl Config {
    /// Reads the configuration. `variable` looks up an environment variable.
    pub(crate) fn from_env(
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, InvalidConfig> {
        let mut reader = Reader::new(variable);
        let config = Self::read(&mut reader);
        config.check(&mut reader);
        reader.finish(config)
    }

    fn read(reader: &mut Reader<'_>) -> Self {
        let environment = environment(reader);
        let development = environment == Environment::Development;
        let stripe = stripe(reader, development);
        let database = DatabaseSettings::read(reader, environment);
        let host = reader.text("OMS_HOST", Some("127.0.0.1"));
        let port = reader.number("OMS_PORT", 3000, 0..=65_535);
        Self {
            environment,
            console: ConsoleConfig::read(reader, environment, &host, port),
            host,
            port,
            metrics_host: reader.text("OMS_METRICS_HOST", Some("127.0.0.1")),
            metrics_port: reader.number("OMS_METRICS_PORT", 9464, 0..=65_535),
            http: http_limits(reader, database.max_connections),
            database,
            imports: import_limits(reader),
            gateway: gateway(reader),
            geocoder: GeocoderSettings::read(reader, environment),
            look_ups: LookUpLimits::read(reader),
            address_book: reader.optional("OMS_ADDRESS_BOOK").map(PathBuf::from),
            currency: reader.parsed("OMS_CURRENCY", "USD", |text| {
                Currency::parse(text).map_err(|error| error.to_string())
            }),
            tenant: reader.parsed("OMS_TENANT_ID", DEFAULT_TENANT, |text| {
                text.parse()
                    .map_err(|error: oms_validation::InvalidId| error.to_string())
            }),
            intake_batch_max: reader.number("OMS_INTAKE_BATCH_MAX", 64, 1..=256),
            intake_batches: reader.number("OMS_INTAKE_BATCHES", 1, 1..=16),
            intake_timeout: reader.milliseconds("OMS_INTAKE_TIMEOUT_MS", 5000, 100..=600_000),
            intake_overdue: reader.milliseconds("OMS_INTAKE_OVERDUE_MS", 1000, 50..=600_000),
            access: AccessSettings::read(reader, environment),
            alert_webhook: alerts::alert_webhook(reader, environment),
            sweep: SweepSettings::read(reader, stripe.timeout),
            fulfilment_interval: reader.milliseconds(
                "OMS_FULFILMENT_INTERVAL_MS",
                300_000,
                10..=3_600_000,
            ),
            gateway_events_interval: reader.milliseconds(
                "OMS_GATEWAY_EVENTS_INTERVAL_MS",
                1000,
                10..=3_600_000,
            ),
            events_interval: reader.milliseconds("OMS_EVENTS_INTERVAL_MS", 250, 10..=3_600_000),
            reconcile: reconcile::reconcile_schedule(reader, stripe.timeout),
            payments: PaymentSettings::read(reader),
            order_bounds: bounds::order_bounds(reader, environment),
            webhooks: WebhookSettings::read(reader, environment),
            nats: NatsSettings::read(reader, environment),
            retention: RetentionSettings::read(reader),
            shutdown_timeout: reader.milliseconds("OMS_SHUTDOWN_TIMEOUT_MS", 30_000, 0..=600_000),
            log_format: log_format(reader, development),
            otlp_endpoint: otlp_endpoint(reader),
            stripe,
        }
    }

    /// Returns whether requests may carry card numbers: only if no real number can reach a gateway.
    pub(crate) fn has_sandbox_gateway(&self) -> bool {
        let url = &self.stripe.api_url;
        let is_sandbox = url.starts_with("http://") && has_loopback_host(url);
        self.environment == Environment::Development && is_sandbox
    }

    /// Checks the rules between settings.
    fn check(&self, reader: &mut Reader<'_>) {
        self.database.check(reader, self.environment);
        self.sweep.check(reader);
        self.payments.check(reader);
        match self.environment {
            Environment::Development => self.check_development(reader),
            Environment::Production => self.check_production(reader),
        }
    }

    /// Development trusts every client that can connect. So nothing outside this machine may connect to it, and it may
    /// connect to nothing outside.
    fn check_development(&self, reader: &mut Reader<'_>) {
        if !is_loopback(&self.host) {
            reader.problem(
                "OMS_HOST",
                "must be a loopback address in development, where requests need no credentials",
            );
        }
        if self.stripe.secret_key.expose_secret().contains("_live_") {
            reader.problem(
                "OMS_STRIPE_SECRET_KEY",
                "is a live key, which development rejects; set OMS_ENV=production to collect payments",
            );
        }
        if !self.stripe.allow_remote && !has_loopback_host(&self.stripe.api_url) {
            reader.problem(
                "OMS_STRIPE_API_URL",
                "must be on this machine in development, such as the sandbox; for the gateway's own test mode set \
                 OMS_STRIPE_ALLOW_REMOTE=true",
            );
        }
    }

    fn check_production(&self, reader: &mut Reader<'_>) {
        if self.gateway == Gateway::Instant {
            reader.problem(
                "OMS_PAYMENT_GATEWAY",
                "must not be instant in production, because it collects nothing",
            );
        }
        if !self.stripe.api_url.starts_with("https://") {
            reader.problem("OMS_STRIPE_API_URL", "must be an https URL in production");
        }
        if self.stripe.secret_key.expose_secret().contains("_test_") {
            reader.problem(
                "OMS_STRIPE_SECRET_KEY",
                "is a test key, which production rejects",
            );
        }
        let secrets = &self.stripe.webhook_secrets;
        if secrets
            .as_ref()
            .is_some_and(|secrets| secrets.include(SANDBOX_WEBHOOK_SECRET))
        {
            reader.problem(
                "OMS_STRIPE_WEBHOOK_SECRETS",
                "has the sandbox's secret, which production rejects",
            );
        }
    }
}

/// Returns whether a host is this machine, judged only by its name or address, such as `localhost`, `127.0.0.1` or
/// `[::1]`.
pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address: Result<std::net::IpAddr, _> = address.parse();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn has_loopback_host(url: &str) -> bool {
    let uri: Result<Uri, _> = url.parse();
    uri.is_ok_and(|uri| uri.host().is_some_and(is_loopback))
}

fn environment(reader: &mut Reader<'_>) -> Environment {
    reader.parsed("OMS_ENV", "development", |text| match text {
        "development" => Ok(Environment::Development),
        "production" => Ok(Environment::Production),
        _ => Err("must be development or production".to_owned()),
    })
}

fn http_limits(reader: &mut Reader<'_>, database_connections: usize) -> HttpLimits {
    let useful = WAITING_ORDERS + WAITING_FOR_A_CONNECTION * database_connections;
    HttpLimits {
        max_body_bytes: reader.number("OMS_MAX_BODY_BYTES", 102_400, 1024..=10_485_760),
        head_timeout: reader.milliseconds("OMS_HEAD_TIMEOUT_MS", 5000, 1000..=60_000),
        body_timeout: reader.milliseconds("OMS_BODY_TIMEOUT_MS", 10_000, 100..=60_000),
        send_timeout: reader.milliseconds("OMS_SEND_TIMEOUT_MS", 10_000, 100..=600_000),
        max_connections: reader.number("OMS_MAX_CONNECTIONS", 10_000, 1..=100_000),
        max_in_flight: reader.number("OMS_MAX_IN_FLIGHT", useful, 1..=1_000_000),
        max_unidentified: reader.number("OMS_MAX_UNIDENTIFIED_IN_FLIGHT", 2000, 1..=100_000),
        max_webhooks: reader.number("OMS_MAX_WEBHOOKS_IN_FLIGHT", 64, 1..=10_000),
    }
}

fn import_limits(reader: &mut Reader<'_>) -> ImportLimits {
    ImportLimits {
        body: BodyLimits {
            max_bytes: reader.number("OMS_IMPORT_MAX_BYTES", 67_108_864, 1024..=1_073_741_824),
            deadline: reader.milliseconds("OMS_IMPORT_BODY_TIMEOUT_MS", 300_000, 100..=3_600_000),
            min_bytes_per_s: reader.number("OMS_IMPORT_MIN_BYTES_PER_S", 16_384, 0..=1_000_000),
        },
        files: reader.number("OMS_IMPORT_FILES", 16, 1..=256),
        at_a_time: reader.number("OMS_IMPORTS_AT_A_TIME", 2, 1..=16),
    }
}

fn gateway(reader: &mut Reader<'_>) -> Gateway {
    reader.parsed("OMS_PAYMENT_GATEWAY", "stripe", |text| match text {
        "stripe" => Ok(Gateway::Stripe),
        "instant" => Ok(Gateway::Instant),
        _ => Err("must be stripe or instant".to_owned()),
    })
}

fn stripe(reader: &mut Reader<'_>, development: bool) -> StripeSettings {
    StripeSettings {
        api_url: reader.text("OMS_STRIPE_API_URL", development.then_some(SANDBOX_URL)),
        secret_key: reader
            .text("OMS_STRIPE_SECRET_KEY", development.then_some(SANDBOX_KEY))
            .into(),
        webhook_secrets: webhook_secrets(reader, development),
        connect_timeout: reader.milliseconds("OMS_STRIPE_CONNECT_TIMEOUT_MS", 2000, 100..=60_000),
        timeout: reader.milliseconds("OMS_STRIPE_TIMEOUT_MS", 8000, 100..=80_000),
        allow_remote: reader.parsed("OMS_STRIPE_ALLOW_REMOTE", "false", |text| {
            text.parse().map_err(|_| "must be true or false".to_owned())
        }),
    }
}

/// Optional in production: without webhooks only the sweeper learns the outcome of a payment.
fn webhook_secrets(reader: &mut Reader<'_>, development: bool) -> Option<WebhookSecrets> {
    const NAME: &str = "OMS_STRIPE_WEBHOOK_SECRETS";
    let default = development.then(|| SANDBOX_WEBHOOK_SECRET.to_owned());
    let text = reader.optional(NAME).or(default)?;
    match WebhookSecrets::parse(&text) {
        Ok(secrets) => Some(secrets),
        Err(error) => {
            reader.problem(NAME, &error.to_string());
            None
        }
    }
}

/// Collectors run on the same machine, so http is accepted in production too.
fn otlp_endpoint(reader: &mut Reader<'_>) -> Option<SecretString> {
    let url = reader.url("OTEL_EXPORTER_OTLP_ENDPOINT", Environment::Development);
    url.map(SecretString::from)
}

fn log_format(reader: &mut Reader<'_>, development: bool) -> LogFormat {
    let default = if development { "pretty" } else { "json" };
    reader.parsed("OMS_LOG_FORMAT", default, |text| {
        text.parse()
            .map_err(|_| "must be pretty or json".to_owned())
    })
}
