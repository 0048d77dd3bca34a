//! Metrics, served on a port of their own that is never public.

mod database;
pub(crate) mod orders;
pub(crate) mod requests;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_server::ServerBuilder;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, web};
use anyhow::Context;
use oms_database::Database;
use oms_geocoding::Geocoder;
use oms_monitoring::metrics::{CONTENT_TYPE, Metrics};
use oms_payments::{BreakerState, PaymentGateway};
use oms_web::{method_not_allowed, problem_json};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::connection::{self, ConnectionLimits, watch};
use crate::head_requests::answer_head;
use crate::http_server::{RunningServer, announce};
use crate::protective_headers::protect;

/// Registers the metrics that are sampled at each scrape.
pub(crate) fn register(
    metrics: &Metrics,
    database: &Database,
    gateway: &Arc<dyn PaymentGateway>,
    geocoder: &Arc<dyn Geocoder>,
) -> anyhow::Result<()> {
    database::register(metrics, database)?;
    let help = "State of a circuit breaker: 0 closed, 1 half-open, 2 open. `geocoder` counts the failures of all tenants but blocks no call, because each tenant has its own breaker.";
    for (index, (name, _)) in gateway.breaker_states().into_iter().enumerate() {
        let gateway = gateway.clone();
        metrics.gauge_from("oms_breaker_state", help, &[("breaker", name)], move || {
            gateway
                .breaker_states()
                .get(index)
                .map_or(0.0, |(_, state)| level(*state))
        })?;
    }
    if let Some(breaker) = geocoder.breaker().cloned() {
        let labels = [("breaker", breaker.name())];
        metrics.gauge_from("oms_breaker_state", help, &labels, move || {
            level(breaker.state())
        })?;
    }
    Ok(())
}

/// Converts a count to the value of a gauge.
#[expect(
    clippy::cast_precision_loss,
    reason = "these counts stay far below 2^52"
)]
pub(crate) fn sample(count: u64) -> f64 {
    count as f64
}

fn level(state: BreakerState) -> f64 {
    match state {
        BreakerState::Closed => 0.0,
        BreakerState::HalfOpen => 1.0,
        BreakerState::Open => 2.0,
    }
}

/// Maximum connections to `/metrics`. A few programs scrape it, each with one connection.
const MAX_CONNECTIONS: usize = 64;

/// Keep-alive of a connection between two scrapes: longer than the usual scrape interval.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Starts the server of `/metrics`. Its connections have the same limits as those of the API.
pub(crate) fn serve(
    config: &Config,
    metrics: Metrics,
    stopping: CancellationToken,
) -> anyhow::Result<RunningServer> {
    let metrics = web::Data::new(metrics);
    let app = move || {
        App::new()
            .app_data(metrics.clone())
            .service(
                web::resource("/metrics")
                    .route(web::get().to(scrape))
                    .default_service(method_not_allowed(&["GET"])),
            )
            .wrap(from_fn(problem_json))
            .wrap(from_fn(protect))
            .wrap(from_fn(answer_head))
            .wrap(from_fn(watch))
    };
    let (host, port) = (config.metrics_host.as_str(), config.metrics_port);
    let listeners = connection::listen(host, port).with_context(|| {
        format!("can't listen on {host}:{port} (OMS_METRICS_PORT); is the port already in use?")
    })?;
    let addresses: Result<Vec<_>, _> = listeners.iter().map(TcpListener::local_addr).collect();
    announce("metrics", &addresses?);
    let limits = ConnectionLimits {
        head_timeout: config.http.head_timeout,
        keep_alive: KEEP_ALIVE,
        send_timeout: config.http.send_timeout,
        stopping,
    };
    let server = ServerBuilder::default()
        .workers(1)
        .max_concurrent_connections(MAX_CONNECTIONS)
        .disable_signals();
    let server = connection::serve(server, listeners, app, &limits)?.run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(RunningServer::new(handle))
}

async fn scrape(metrics: web::Data<Metrics>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(CONTENT_TYPE)
        .body(metrics.render())
}
