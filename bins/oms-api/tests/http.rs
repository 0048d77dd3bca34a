//! The running program over HTTP: each test has a database, a payment sandbox and an API process of its own.
//!
//! The tests start the programs beside them in the target folder: `cargo build --workspace --bins` makes both.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking, and its modules are private"
)]

// What the tests work with.
#[path = "http/answer.rs"]
mod answer;
#[path = "http/api.rs"]
mod api;
#[path = "http/eventually.rs"]
mod eventually;
#[path = "http/invariants.rs"]
mod invariants;
#[path = "http/process.rs"]
mod process;
#[path = "http/raw.rs"]
mod raw;
#[path = "http/request.rs"]
mod request;
#[path = "http/sandbox.rs"]
mod sandbox;
#[path = "http/shop.rs"]
mod shop;
#[path = "http/stock.rs"]
mod stock;
#[path = "http/store_database.rs"]
mod store_database;

// The tests.
#[path = "http/addresses.rs"]
mod addresses;
#[path = "http/breaker.rs"]
mod breaker;
#[path = "http/charges.rs"]
mod charges;
#[path = "http/concurrency.rs"]
mod concurrency;
#[path = "http/configuration.rs"]
mod configuration;
#[path = "http/cut_connections.rs"]
mod cut_connections;
#[path = "http/database_outages.rs"]
mod database_outages;
#[path = "http/dead_letters.rs"]
mod dead_letters;
#[path = "http/gateway_outages.rs"]
mod gateway_outages;
#[path = "http/hanging_gateway.rs"]
mod hanging_gateway;
#[path = "http/idempotency.rs"]
mod idempotency;
#[path = "http/killed.rs"]
mod killed;
#[path = "http/limits.rs"]
mod limits;
#[path = "http/logs.rs"]
mod logs;
#[path = "http/payment_methods.rs"]
mod payment_methods;
#[path = "http/placing.rs"]
mod placing;
#[path = "http/refusals.rs"]
mod refusals;
#[path = "http/reverse_reconciliation.rs"]
mod reverse_reconciliation;
#[path = "http/shutdown.rs"]
mod shutdown;
#[path = "http/webhooks_in.rs"]
mod webhooks_in;
