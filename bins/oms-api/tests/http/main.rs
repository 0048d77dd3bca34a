//! Tests of the running program over HTTP: each has its own database, payment sandbox and API process.
//!
//! The tests start the programs in the target folder. Build them first:
//! `cargo build --workspace --bins --features oms-api/failpoints`. Then run the tests:
//! `cargo nextest run -p oms-api --features failpoints`. Without the feature, tests that kill the API at a failpoint fail
//! with a message that names it.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking, and its modules are private"
)]

// Modules that the tests use.
use oms_testing::{eventually, process};

mod answer;
mod api;
mod browser;
mod chances;
mod ends;
mod gateway_calls;
mod giving_back;
mod held_commit;
mod invariants;
mod inventory_api;
mod keys;
mod promql;
mod raw;
mod receiver;
mod reporting;
mod request;
mod routes;
mod sandbox;
mod sending_back;
mod shop;
mod stock;
mod store_database;
mod transaction_pooler;
mod transcript;

// The tests, by subject.
mod console;
mod credentials;
mod documents;
mod events;
mod inventory;
mod operating;
mod orders;
mod payments;
#[cfg(feature = "pgbouncer")]
mod pgbouncer;
mod protocol;
mod robustness;
#[cfg(feature = "smoke")]
mod smoke;
#[cfg(feature = "upgrade")]
mod upgrade;
