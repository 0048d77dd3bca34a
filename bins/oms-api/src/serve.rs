//! The program from start to stop, as one list that reads from top to bottom.

use std::pin::pin;
use std::sync::Arc;

use anyhow::Context;
use oms_access::{IdentityProvider, ProviderSettings, SessionsContext};
use oms_console::{Console, ConsoleSettings};
use oms_database::Database;
use oms_events::http::{EventsApi, WebhooksApi};
use oms_events::{
    EventSink, EventsContext, NatsSink, Sender, SenderConfig, SystemLookUp, WebhooksContext,
    begin_sink_beside,
};
use oms_fulfilment::FulfilmentContext;
use oms_fulfilment::http::FulfilmentApi;
use oms_geocoding::adapters::{AddressBook, Nominatim};
use oms_geocoding::{CachedGeocoder, Chain, Geocoder};
use oms_inventory::InventoryContext;
use oms_inventory::http::InventoryApi;
use oms_monitoring::metrics::Metrics;
use oms_monitoring::traces;
use oms_orders::http::{CardNumbers, OrdersApi};
use oms_orders::{OrderContext, OrderEvents, OrderSettings};
use oms_payments::PaymentGateway;
use oms_payments::adapters::instant::InstantGateway;
use oms_payments::adapters::stripe::{StripeConfig, StripeGateway};
use oms_payments::http::StripeWebhooks;
use oms_validation::InstallationId;
use oms_web::Detached;
use secrecy::ExposeSecret;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::address_locator::GeocodedAddresses;
use crate::admission::{Admission, key_mode};
use crate::alerts::ALERT_LOG;
use crate::config::{Config, Environment, Gateway};
use crate::geocoders::Geocoders;
use crate::http_server::Endpoints;
use crate::metrics::requests::RequestMetrics;
use crate::parts::EVENT_TYPES;
use crate::readiness::Readiness;
use crate::workers::{self, Surroundings};
use crate::{alerts, database, grants, http_server, installation, live, metrics, shutdown};

/// Serves until SIGTERM or Ctrl-C.
pub(crate) async fn serve(config: Config) -> anyhow::Result<()> {
    if let Some(exposure) = config.database.exposure() {
        tracing::warn!("{exposure}");
    }
    let mut shutdown = pin!(shutdown::requested());
    let database = tokio::select! {
        database = database::wait_for(&config) => database?,
        stopped = &mut shutdown => {
            stopped?;
            tracing::info!("stopped before the database was reachable");
            return Ok(());
        }
    };
    if config.environment == Environment::Production {
        warn_of_rights(&database).await?;
    }
    let metrics = Metrics::new(env!("CARGO_PKG_VERSION"))?;
    let tasks = TaskTracker::new();
    let stopping = CancellationToken::new();
    let watched = installation::watch(&database, &metrics, &tasks, stopping.clone());
    let installation: InstallationId = watched.await?.id.into();
    let gateway = gateway(&config, installation)?;
    let geocoders = Geocoders::new(&config, &database, &metrics)?;
    let geocoder = geocoders.orders;
    metrics::register(&metrics, &database, &gateway, &geocoder)?;

    let settings = OrderSettings {
        batch_max: config.intake_batch_max,
        batches_in_flight: config.intake_batches,
        batch_wait: config.intake_timeout,
        batch_overdue: config.intake_overdue,
        sweep_after: config.sweep.after,
        sweep_lease: config.sweep.lease(),
        sweep_batch: config.sweep.batch,
        sweep_backoff: config.sweep.backoff,
        sweep_max_tries: config.sweep.max_tries,
        pending_payment_deadline: config.payments.deadline,
        decline_policy: config.payments.decline_policy,
        bounds: config.order_bounds,
        erase_paid_after: config.retention.erase_paid_after,
        ..OrderSettings::new(config.currency)
    };
    let locator = Arc::new(GeocodedAddresses(geocoder.clone()));
    let inventory = Arc::new(InventoryContext::new(
        database.clone(),
        locator,
        config.intake_timeout,
    ));
    let fulfilment = Arc::new(FulfilmentContext::new(
        database.clone(),
        config.intake_timeout,
    ));
    let context = OrderContext::new(database.clone(), gateway, geocoder, settings);
    let context = context.with_preview_geocoder(geocoders.previews);
    let context = context.with_installation(installation);
    let context = Arc::new(context.with_stopping(stopping.clone()));
    metrics::orders::register(&metrics, &context)?;

    let (brokers, alerts) = (
        brokers(&config).await?,
        alerts::sinks(&config, &context, &metrics)?,
    );
    let events = EventsContext::new(
        database.clone(),
        Arc::new(OrderEvents),
        EVENT_TYPES,
        stopping.clone(),
    );
    let events = Arc::new(events.with_sinks([&brokers[..], &alerts[..]].concat()));
    // A webhook that is new gets what the log gets from now on, not everything of the past.
    for sink in alerts.iter().filter(|sink| sink.name() != ALERT_LOG) {
        begin_sink_beside(&events, sink.as_ref(), ALERT_LOG).await?;
    }
    let webhook_sender = Sender::new(&SenderConfig {
        timeout: config.webhooks.timeout,
        rules: config.webhooks.rules.clone(),
        look_up: Arc::new(SystemLookUp),
        proxy: config
            .webhooks
            .proxy
            .as_ref()
            .map(|url| url.expose_secret().to_owned()),
    })
    .context("webhooks can't be sent")?;
    let endpoints_context = Arc::new(WebhooksContext::new(
        events.clone(),
        Arc::new(webhook_sender),
        config.webhooks.rules.clone(),
        config.webhooks.keys.clone(),
        Arc::new(oms_events::DatabaseClock),
    ));
    let news = Arc::new(Notify::new());
    let mut workers = workers::start(&Surroundings {
        config: &config,
        database: &database,
        context: &context,
        events: &events,
        webhooks: &endpoints_context,
        brokers,
        alerts,
        tasks: &tasks,
        news: &news,
        metrics: &metrics,
        stopping: &stopping,
    })?;
    let is_stuck = {
        let context = context.clone();
        move || context.is_stuck()
    };
    let card_numbers = match config.has_sandbox_gateway() {
        true => CardNumbers::Accepted,
        false => CardNumbers::Refused,
    };
    let runner = Runner(&tasks);
    let provider = identity_provider(&config)?;
    let console = config.console.as_ref().map(|settings| Console {
        sessions: Arc::new(SessionsContext::new(database.clone(), key_mode(&config))),
        orders: context.clone(),
        inventory: inventory.clone(),
        fulfilment: fulfilment.clone(),
        events: events.clone(),
        webhooks: endpoints_context.clone(),
        live: live::watch(&metrics, &tasks, stopping.clone()),
        provider,
        settings: ConsoleSettings {
            origin: settings.origin.clone(),
            development: config.environment == Environment::Development,
        },
    });
    let endpoints = Endpoints {
        orders: OrdersApi::new(runner.of(context), card_numbers),
        inventory: InventoryApi::new(runner.of(inventory), config.imports),
        fulfilment: FulfilmentApi::new(runner.of(fulfilment)),
        events: EventsApi::new(runner.of(events)),
        webhook_endpoints: WebhooksApi::new(runner.of(endpoints_context)),
        console: console.map(|console| runner.of(Arc::new(console))),
        webhooks: webhooks(&config, &database, news),
        readiness: Readiness::new(database.clone(), config.database.url(), is_stuck),
    };
    let admission = Admission::new(&config, &database, &metrics)?;
    if config.environment == Environment::Development {
        tracing::warn!(
            "OMS_ENV=development: requests from this machine need no key and have all scopes; set OMS_ENV=production to require keys"
        );
    }
    let request_metrics = RequestMetrics::register(&metrics)?;
    let metrics_server = metrics::serve(&config, metrics, stopping.clone())?;
    let api = http_server::start(
        &config,
        admission,
        request_metrics,
        endpoints,
        stopping.clone(),
    )?;

    let ended = tokio::select! {
        stopped = &mut shutdown => {
            stopped?;
            None
        }
        ended = workers.unexpected_end() => Some(ended),
    };
    if let Some(ended) = &ended {
        tracing::error!(worker = ended.worker, cause = ?ended.cause, "a background worker ended; the program stops");
    }
    tracing::info!("stopping: no new connections");
    let deadline = Instant::now() + config.shutdown_timeout;
    stopping.cancel();
    api.stop().await;
    tasks.close();
    if timeout_at(deadline, tasks.wait()).await.is_err() {
        tracing::warn!(
            tasks = tasks.len(),
            "stopping with work unfinished; a sweeper continues it, in another instance or after the next start"
        );
    }
    workers.stopped(deadline).await;
    metrics_server.stop().await;
    database.close();
    tracing::info!("stopped");
    match ended {
        None => Ok(()),
        Some(_) => {
            anyhow::bail!("a background worker ended, which is a bug; the log has the cause")
        }
    }
}

/// The brokers to which events are published. Does not wait for their connections.
async fn brokers(config: &Config) -> anyhow::Result<Vec<Arc<dyn EventSink>>> {
    let mut sinks: Vec<Arc<dyn EventSink>> = Vec::new();
    if let Some(nats) = &config.nats {
        let sink = NatsSink::connect(&nats.client()).await;
        sinks.push(Arc::new(sink.context("NATS can't be used")?));
    }
    #[cfg(feature = "kafka")]
    if let Some(kafka) = &config.kafka {
        let sink = oms_events::KafkaSink::connect(kafka);
        sinks.push(Arc::new(sink.context("Kafka can't be used")?));
    }
    Ok(sinks)
}

/// Where operators may sign in to the console, if it is registered at the issuer.
fn identity_provider(config: &Config) -> anyhow::Result<Option<Arc<IdentityProvider>>> {
    let access = &config.access;
    let (Some(console), Some(client), Some(issuer)) =
        (&config.console, &access.console_client, &access.issuer)
    else {
        return Ok(None);
    };
    let provider = IdentityProvider::new(ProviderSettings {
        issuer: issuer.clone(),
        client_id: client.id.clone(),
        client_secret: client.secret.clone(),
        redirect_uri: format!("{}/console/sign-in/provider/back", console.origin),
    });
    Ok(Some(Arc::new(provider?)))
}

/// Runs the work of requests in this runtime, to its end.
struct Runner<'a>(&'a TaskTracker);

impl Runner<'_> {
    fn of<C>(&self, context: Arc<C>) -> Detached<C> {
        Detached::new(context, Handle::current(), self.0.clone())
    }
}

/// Logs a warning if the role has needless privileges, which a stolen password or a defect could use.
async fn warn_of_rights(database: &Database) -> anyhow::Result<()> {
    let held = grants::more_than_needed(&mut *database.acquire().await?).await?;
    if let Some(example) = held.first() {
        tracing::warn!(
            rights = held.len(),
            example,
            "the role of DATABASE_URL has more rights than it needs: serve as a role that owns nothing (oms-api grants)"
        );
    }
    Ok(())
}

/// The payment gateway.
pub(crate) fn gateway(
    config: &Config,
    installation: InstallationId,
) -> anyhow::Result<Arc<dyn PaymentGateway>> {
    if config.gateway == Gateway::Instant {
        tracing::warn!("payments are not collected: OMS_PAYMENT_GATEWAY is instant");
        return Ok(Arc::new(InstantGateway));
    }
    let settings = &config.stripe;
    let stripe = StripeGateway::new(&StripeConfig {
        connect_timeout: settings.connect_timeout,
        timeout: settings.timeout,
        headers: traces::headers,
        installation: Some(installation),
        ..StripeConfig::new(&settings.api_url, settings.secret_key.clone())
    })?;
    Ok(Arc::new(stripe))
}

/// `None` if no webhook could be verified.
fn webhooks(config: &Config, database: &Database, news: Arc<Notify>) -> Option<StripeWebhooks> {
    let secrets = config.stripe.webhook_secrets.clone();
    if secrets.is_none() {
        tracing::warn!("the webhook endpoint is disabled: OMS_STRIPE_WEBHOOK_SECRETS is not set");
    }
    secrets.map(|secrets| StripeWebhooks::new(database.clone(), secrets, news))
}

/// The address book comes first, because it costs nothing; then the service with its limit, behind its cache.
pub(crate) fn geocoder(
    config: &Config,
    database: &Database,
    limited: impl FnOnce(Arc<dyn Geocoder>) -> Arc<dyn Geocoder>,
) -> anyhow::Result<Arc<dyn Geocoder>> {
    let mut chain: Vec<Arc<dyn Geocoder>> = Vec::new();
    match &config.address_book {
        Some(path) => chain.push(Arc::new(AddressBook::from_file(path)?)),
        None if config.environment == Environment::Development => {
            chain.push(Arc::new(AddressBook::development()));
        }
        None => {}
    }
    if let Some(settings) = &config.geocoder {
        let service = Nominatim::new(&settings.client())?;
        chain.push(Arc::new(CachedGeocoder::new(
            limited(Arc::new(service)),
            database.clone(),
            config.retention.geocoding,
        )));
    }
    Ok(Arc::new(Chain::new(chain)))
}
