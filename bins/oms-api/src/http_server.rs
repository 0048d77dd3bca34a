//! The public HTTP server.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_server::ServerBuilder;
use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, web};
use anyhow::Context;
use oms_access::http::announce_limits;
use oms_console::Console;
use oms_errors::{Problem, ROUTE_NOT_FOUND};
use oms_events::http::{EventsApi, WebhooksApi};
use oms_fulfilment::http::FulfilmentApi;
use oms_inventory::http::InventoryApi;
use oms_orders::http::OrdersApi;
use oms_payments::http::StripeWebhooks;
use oms_web::{BodyLimits, Detached, ProblemResponse, problem_json, registered};
use tokio_util::sync::CancellationToken;
use tracing_actix_web::TracingLogger;

use crate::admission::{Admission, admit};
use crate::conditional::spare_known;
use crate::config::Config;
use crate::connection::{self, ConnectionLimits, watch};
use crate::docs;
use crate::encoded_body::refuse_encoded;
use crate::file_descriptors;
use crate::head_requests::answer_head;
use crate::health;
use crate::metrics::requests::{RequestMetrics, measure};
use crate::protective_headers::protect;
use crate::readiness::Readiness;
use crate::request_span::RequestSpan;
use crate::unread_body::close_when_unread;

/// How long an idle connection is kept between two requests.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// A server that runs in the background.
pub(crate) struct RunningServer {
    handle: ServerHandle,
}

impl RunningServer {
    pub(crate) fn new(handle: ServerHandle) -> Self {
        Self { handle }
    }

    /// Stops accepting connections, and waits for the requests in progress.
    pub(crate) async fn stop(&self) {
        self.handle.stop(true).await;
    }
}

/// The dependencies of the endpoints. Without `webhooks` the webhook endpoint does not exist.
pub(crate) struct Endpoints {
    pub(crate) orders: OrdersApi,
    pub(crate) inventory: InventoryApi,
    pub(crate) fulfilment: FulfilmentApi,
    pub(crate) events: EventsApi,
    pub(crate) webhook_endpoints: WebhooksApi,
    pub(crate) webhooks: Option<StripeWebhooks>,
    pub(crate) readiness: Readiness,
    /// `None`: there is no console.
    pub(crate) console: Option<Detached<Console>>,
}

/// Starts listening.
pub(crate) fn start(
    config: &Config,
    admission: Admission,
    metrics: RequestMetrics,
    endpoints: Endpoints,
    stopping: CancellationToken,
) -> anyhow::Result<RunningServer> {
    let limits = config.http;
    let body_limits = web::Data::new(BodyLimits {
        max_bytes: limits.max_body_bytes,
        deadline: limits.body_timeout,
        ..BodyLimits::default()
    });
    let orders = web::Data::new(endpoints.orders);
    let inventory = web::Data::new(endpoints.inventory);
    let fulfilment = web::Data::new(endpoints.fulfilment);
    let events = web::Data::new(endpoints.events);
    let webhook_endpoints = web::Data::new(endpoints.webhook_endpoints);
    let webhooks = endpoints.webhooks.map(web::Data::new);
    let readiness = web::Data::new(endpoints.readiness);
    let console = endpoints.console.map(web::Data::new);
    let (admission, metrics) = (Arc::new(admission), Arc::new(metrics));
    let app = move || {
        let (admission, metrics) = (admission.clone(), metrics.clone());
        App::new()
            .app_data(orders.clone())
            .app_data(inventory.clone())
            .app_data(fulfilment.clone())
            .app_data(events.clone())
            .app_data(webhook_endpoints.clone())
            .app_data(readiness.clone())
            .app_data(body_limits.clone())
            .configure(registered(health::ROUTES))
            .configure(registered(docs::ROUTES))
            .configure(registered(oms_orders::http::ROUTES))
            .configure(registered(oms_inventory::http::ROUTES))
            .configure(registered(oms_fulfilment::http::ROUTES))
            .configure(registered(oms_events::http::ROUTES))
            .configure(registered(oms_events::http::WEBHOOK_ROUTES))
            .configure(|routes| {
                if let Some(webhooks) = &webhooks {
                    routes.app_data(webhooks.clone());
                    registered(oms_payments::http::ROUTES)(routes);
                }
            })
            .configure(|routes| {
                if let Some(console) = &console {
                    oms_console::configure(console.clone(), routes);
                }
            })
            .default_service(web::to(async || {
                Err::<&str, _>(ProblemResponse(Problem::of(&ROUTE_NOT_FOUND)))
            }))
            .wrap(from_fn(refuse_encoded))
            .wrap(from_fn(move |request, next| {
                admit(admission.clone(), request, next)
            }))
            .wrap(from_fn(problem_json))
            .wrap(from_fn(spare_known))
            .wrap(from_fn(announce_limits))
            .wrap(from_fn(close_when_unread))
            .wrap(from_fn(move |request, next| {
                measure(metrics.clone(), request, next)
            }))
            .wrap(from_fn(protect))
            .wrap(from_fn(answer_head))
            .wrap(from_fn(watch))
            .wrap(TracingLogger::<RequestSpan>::new())
    };
    let connections = ConnectionLimits {
        head_timeout: limits.head_timeout,
        keep_alive: KEEP_ALIVE,
        send_timeout: limits.send_timeout,
        stopping,
    };
    let server = ServerBuilder::default()
        .max_concurrent_connections(file_descriptors::connections_per_worker(config))
        .shutdown_timeout(config.shutdown_timeout.as_secs())
        .disable_signals();
    let listeners = connection::listen(&config.host, config.port).with_context(|| {
        format!(
            "can't listen on {}:{}; is the port already in use?",
            config.host, config.port
        )
    })?;
    let addresses: Result<Vec<_>, _> = listeners.iter().map(TcpListener::local_addr).collect();
    announce("API", &addresses?);
    let server = connection::serve(server, listeners, app, &connections)?.run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(RunningServer::new(handle))
}

/// Logs the addresses on which a server listens.
pub(crate) fn announce(server: &str, addresses: &[SocketAddr]) {
    for address in addresses {
        tracing::info!(server, %address, "listening");
    }
}
