//! Assembles the process: state file, HTTP server, start-up line, and graceful shutdown.

use std::{
    io::Write,
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_web::{
    App, HttpServer,
    dev::Server,
    web::{self, Data, PayloadConfig},
};
use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    cli::Options, connection, control_api, customer_page, gateway::Gateway, stripe_api,
    webhooks::courier::Courier,
};

/// Far larger than any call of Stripe's API that the sandbox supports.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Longer than clients' pools keep connections, so that none is closed during a request.
const KEEP_ALIVE: Duration = Duration::from_secs(120);
const STOP_WITHIN_S: u64 = 5;

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When the state file or the address can't be used.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let addresses = options.addresses()?;
    let endpoint = options.webhooks.endpoint()?;
    let gateway = Gateway::open(&options.state_file, endpoint, unix_seconds)?;
    let gateway = Data::new(gateway);
    let courier = Courier::new()?;
    let (server, address) = serve(gateway.clone(), courier.clone(), &addresses)?;

    eprintln!(
        "payment-sandbox: a development tool, not a payment service; no real money moves; never \
         expose it, never enter a real card"
    );
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "payment-sandbox listening on http://{address}")?;
    stdout.flush()?;
    drop(stdout);

    actix_web::rt::spawn(courier.deliver_all(gateway.clone()));
    let handle = server.handle();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    actix_web::rt::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        gateway.abandon_calls();
        handle.stop(true).await;
    });
    server.await.context("the server failed")
}

fn serve(
    gateway: Data<Gateway>,
    courier: Courier,
    addresses: &[SocketAddr],
) -> anyhow::Result<(Server, SocketAddr)> {
    let courier = Data::new(courier);
    let app = move || {
        App::new()
            .app_data(gateway.clone())
            .app_data(courier.clone())
            .app_data(PayloadConfig::new(BODY_BYTES_MAX))
            .configure(control_api::routes)
            .configure(customer_page::routes)
            .default_service(web::to(stripe_api::handle))
    };
    let server = HttpServer::new(app)
        .on_connect(connection::remember)
        .tcp_nodelay(true)
        // A busy machine may take long to deliver a head, and actix-web would answer 408 by itself.
        .client_request_timeout(Duration::ZERO)
        .keep_alive(KEEP_ALIVE)
        // A client that closes its side has given up, so its unanswered call ends.
        .h1_allow_half_closed(false)
        .disable_signals()
        .shutdown_timeout(STOP_WITHIN_S)
        .bind(addresses)
        .with_context(|| format!("cannot listen on {addresses:?}"))?;
    let address = *server.addrs().first().context("no address to listen on")?;
    Ok((server.run(), address))
}

fn unix_seconds() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
