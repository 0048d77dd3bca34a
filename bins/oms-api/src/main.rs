//! oms: an order management backend. This program only wires the crates together: configuration, HTTP server,
//! background workers, shutdown.

mod address_locator;
mod admission;
mod alerts;
mod cli;
mod client_address;
mod conditional;
mod config;
mod connection;
mod console;
mod database;
mod distribute;
mod docs;
mod document;
mod encoded_body;
mod environment_file;
mod events;
mod file_descriptors;
mod geocoders;
mod grants;
mod head_requests;
mod health;
mod http_server;
mod import;
mod in_flight;
mod installation;
mod keys;
mod live;
mod metrics;
mod parts;
mod protective_headers;
mod readiness;
mod reconcile;
mod request_span;
mod routes;
mod seed;
mod serve;
mod shutdown;
mod unread_body;
mod webhook_places;
mod workers;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    oms_failpoints::configure();
    match environment_file::load().and_then(|()| cli::run()) {
        Ok(code) => code,
        Err(error) => {
            // Not `{:?}`, which prints pages when RUST_BACKTRACE is set.
            eprintln!("oms-api: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
