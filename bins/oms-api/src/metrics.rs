//! Metrics, on a port of their own that is never the public one.

use std::sync::Arc;

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context;
use oms_database::{Database, PoolStatus};
use oms_geocoding::Geocoder;
use oms_monitoring::metrics::{CONTENT_TYPE, Metrics};
use oms_payments::{BreakerState, PaymentGateway};

use crate::config::Config;
use crate::http_server::{RunningServer, announce};

type Size = fn(PoolStatus) -> usize;

/// Registers what is sampled at each scrape.
pub(crate) fn register(
    metrics: &Metrics,
    database: &Database,
    gateway: &Arc<dyn PaymentGateway>,
    geocoder: &Arc<dyn Geocoder>,
) -> anyhow::Result<()> {
    let sizes: [(_, Size); 3] = [
        ("open", |pool| pool.size),
        ("idle", |pool| pool.idle),
        ("awaited", |pool| pool.waiting),
    ];
    for (state, size) in sizes {
        let database = database.clone();
        let help = "Database connections: open, idle of these, and awaited by callers";
        #[expect(
            clippy::cast_precision_loss,
            reason = "pools have fewer than 2^52 connections"
        )]
        metrics.gauge_from(
            "oms_database_connections",
            help,
            &[("state", state)],
            move || size(database.status()) as f64,
        )?;
    }
    let help = "Circuit breakers: 0 closed, 1 half-open, 2 open";
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

fn level(state: BreakerState) -> f64 {
    match state {
        BreakerState::Closed => 0.0,
        BreakerState::HalfOpen => 1.0,
        BreakerState::Open => 2.0,
    }
}

/// Starts the server of `/metrics`.
pub(crate) fn serve(config: &Config, metrics: Metrics) -> anyhow::Result<RunningServer> {
    let metrics = web::Data::new(metrics);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(metrics.clone())
            .route("/metrics", web::get().to(scrape))
    })
    .workers(1)
    .disable_signals()
    .bind((config.host.as_str(), config.metrics_port))
    .with_context(|| {
        format!(
            "can't listen on {}:{} (OMS_METRICS_PORT); is the port taken?",
            config.host, config.metrics_port
        )
    })?;
    announce("metrics", &server.addrs());
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(RunningServer::new(handle))
}

async fn scrape(metrics: web::Data<Metrics>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(CONTENT_TYPE)
        .body(metrics.render())
}
