//! The program from start to stop, as one list that reads from top to bottom.

use std::sync::Arc;

use anyhow::{Context, bail};
use oms_database::{Database, DatabaseConfig, migrations};
use oms_geocoding::adapters::{AddressBook, Nominatim, NominatimConfig};
use oms_geocoding::{CachedGeocoder, Chain, DEFAULT_TTL, Geocoder};
use oms_inventory::InventoryContext;
use oms_inventory::http::InventoryApi;
use oms_monitoring::metrics::Metrics;
use oms_monitoring::traces;
use oms_orders::http::{CardNumbers, OrdersApi};
use oms_orders::{OrderContext, OrderSettings};
use oms_payments::PaymentGateway;
use oms_payments::adapters::instant::InstantGateway;
use oms_payments::adapters::stripe::{StripeConfig, StripeGateway};
use oms_payments::http::StripeWebhooks;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::address_locator::GeocodedAddresses;
use crate::admission::Admission;
use crate::config::{Config, Environment, Gateway};
use crate::metrics::requests::RequestMetrics;
use crate::{
    alerts, gateway_events, http_server, metrics, reconciler, shutdown, statistics, sweeper,
};

/// Serves until SIGTERM or Ctrl-C.
pub(crate) async fn serve(config: Config) -> anyhow::Result<()> {
    let database = connect(&config).await?;
    let gateway = gateway(&config)?;
    let geocoder = geocoder(&config, &database)?;
    let metrics = Metrics::new(env!("CARGO_PKG_VERSION"))?;
    metrics::register(&metrics, &database, &gateway, &geocoder)?;

    let settings = OrderSettings {
        batch_max: config.intake_batch_max,
        batches_in_flight: config.intake_batches,
        sweep_after: config.sweep.after,
        sweep_lease: config.sweep.lease(),
        sweep_batch: config.sweep.batch,
        sweep_backoff: config.sweep.backoff,
        sweep_max_tries: config.sweep.max_tries,
        pending_payment_deadline: config.payments.deadline,
        decline_policy: config.payments.decline_policy,
        ..OrderSettings::new(config.currency)
    };
    let locator = Arc::new(GeocodedAddresses(geocoder.clone()));
    let inventory = Arc::new(InventoryContext::new(database.clone(), locator));
    let context = Arc::new(OrderContext::new(
        database.clone(),
        gateway,
        geocoder,
        settings,
    ));
    metrics::orders::register(&metrics, &context)?;

    let tasks = TaskTracker::new();
    let stopping = CancellationToken::new();
    tasks.spawn(statistics::run(database.clone(), stopping.clone()));
    let mut sweeper = sweeper::spawn(
        context.clone(),
        config.sweep.interval,
        &metrics,
        stopping.clone(),
    )?;
    let mut alerts = alerts::spawn(
        context.clone(),
        config.sweep.interval,
        config.alert_webhook.as_ref(),
        &metrics,
        stopping.clone(),
    )?;
    let news = Arc::new(Notify::new());
    let mut gateway_events = gateway_events::spawn(
        context.clone(),
        database.clone(),
        config.gateway_events_interval,
        news.clone(),
        &metrics,
        stopping.clone(),
    )?;
    let schedule = config.reconcile;
    let reconciler = schedule.map(|schedule| {
        let (context, stopping) = (context.clone(), stopping.clone());
        reconciler::spawn(context, config.tenant, schedule, &metrics, stopping)
    });
    let mut reconciler = reconciler.transpose()?;
    let card_numbers = match config.has_sandbox_gateway() {
        true => CardNumbers::Accepted,
        false => CardNumbers::Refused,
    };
    let orders = OrdersApi::new(context, card_numbers, Handle::current(), tasks.clone());
    let inventory = InventoryApi::new(inventory, config.imports, Handle::current(), tasks.clone());
    let webhooks = webhooks(&config, &database, news);
    let admission = Admission::new(&config, &database, &metrics)?;
    let request_metrics = RequestMetrics::register(&metrics)?;
    let metrics_server = metrics::serve(&config, metrics)?;
    let api = http_server::start(
        &config,
        admission,
        request_metrics,
        orders,
        inventory,
        webhooks,
        database.clone(),
    )?;

    shutdown::requested().await?;
    tracing::info!("stopping: no new connections");
    let deadline = Instant::now() + config.shutdown_timeout;
    stopping.cancel();
    api.stop().await;
    tasks.close();
    if timeout_at(deadline, tasks.wait()).await.is_err() {
        tracing::warn!(
            tasks = tasks.len(),
            "stopping with work unfinished; the sweeper of another run ends it"
        );
    }
    match timeout_at(deadline, &mut sweeper).await {
        Ok(ended) => ended.context("the sweeper failed")?,
        Err(_) => sweeper.abort(),
    }
    match timeout_at(deadline, &mut alerts).await {
        Ok(ended) => ended.context("the worker for alerts failed")?,
        Err(_) => alerts.abort(),
    }
    match timeout_at(deadline, &mut gateway_events).await {
        Ok(ended) => ended.context("the worker for webhooks failed")?,
        Err(_) => gateway_events.abort(),
    }
    if let Some(reconciler) = &mut reconciler {
        match timeout_at(deadline, &mut *reconciler).await {
            Ok(ended) => ended.context("the reconciler failed")?,
            Err(_) => reconciler.abort(),
        }
    }
    metrics_server.stop().await;
    database.close();
    tracing::info!("stopped");
    Ok(())
}

/// The pool, once the database answers and has all the migrations that this program knows.
pub(crate) async fn connect(config: &Config) -> anyhow::Result<Database> {
    let database = Database::new(&DatabaseConfig {
        max_connections: config.database_max_connections,
        statement_timeout: config.database_statement_timeout,
        answer_timeout: config.database_answer_timeout,
        ..DatabaseConfig::new(config.database_url())
    })?;
    let mut connection = database
        .acquire()
        .await
        .context("can't connect to DATABASE_URL")?;
    let pending = migrations::pending(&mut connection).await?;
    if !pending.is_empty() {
        bail!(
            "{} migration(s) are pending; run `oms-api migrate` first",
            pending.len()
        );
    }
    drop(connection);
    database.check_messages().await?;
    Ok(database)
}

/// The payment gateway.
pub(crate) fn gateway(config: &Config) -> anyhow::Result<Arc<dyn PaymentGateway>> {
    if config.gateway == Gateway::Instant {
        tracing::warn!("payments are not collected: OMS_PAYMENT_GATEWAY is instant");
        return Ok(Arc::new(InstantGateway));
    }
    let settings = &config.stripe;
    let stripe = StripeGateway::new(&StripeConfig {
        timeout: settings.timeout,
        headers: traces::headers,
        ..StripeConfig::new(&settings.api_url, settings.secret_key.clone())
    })?;
    Ok(Arc::new(stripe))
}

/// Nothing where no webhook could be believed.
fn webhooks(config: &Config, database: &Database, news: Arc<Notify>) -> Option<StripeWebhooks> {
    let secrets = config.stripe.webhook_secrets.clone();
    if secrets.is_none() {
        tracing::warn!("without OMS_STRIPE_WEBHOOK_SECRETS there is no endpoint for webhooks");
    }
    secrets.map(|secrets| StripeWebhooks::new(database.clone(), secrets, news))
}

/// The address book first, because it costs nothing; then the service, behind its cache.
pub(crate) fn geocoder(config: &Config, database: &Database) -> anyhow::Result<Arc<dyn Geocoder>> {
    let mut chain: Vec<Arc<dyn Geocoder>> = Vec::new();
    match &config.address_book {
        Some(path) => chain.push(Arc::new(AddressBook::from_file(path)?)),
        None if config.environment == Environment::Development => {
            chain.push(Arc::new(AddressBook::development()));
        }
        None => {}
    }
    if let Some(url) = &config.geocoder_url {
        let service = Nominatim::new(&NominatimConfig::new(url))?;
        chain.push(Arc::new(CachedGeocoder::new(
            Arc::new(service),
            database.clone(),
            DEFAULT_TTL,
        )));
    }
    Ok(Arc::new(Chain::new(chain)))
}
