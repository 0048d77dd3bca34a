//! oms: an order management backend. This program only wires the crates together: configuration, HTTP server, background
//! workers, shutdown.

mod address_locator;
mod admission;
mod alerts;
mod cli;
mod conditional;
mod config;
mod connection;
mod database;
mod docs;
mod document;
mod encoded_body;
mod file_descriptors;
mod gateway_events;
mod head_requests;
mod health;
mod http_server;
mod import;
mod in_flight;
mod installation;
mod keys;
mod metrics;
mod protective_headers;
mod readiness;
mod reconcile;
mod reconciler;
mod request_span;
mod routes;
mod seed;
mod serve;
mod shutdown;
mod statistics;
mod sweeper;
mod unread_body;
mod webhook_places;
mod workers;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // A missing file is no error: production has none.
    let _ = dotenvy::dotenv();
    oms_failpoints::configure();
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            // Not `{:?}`, which RUST_BACKTRACE turns into pages.
            eprintln!("oms-api: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
