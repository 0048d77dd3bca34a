//! The running program over HTTP: each test has a database, a payment sandbox and an API process of its own.
//!
//! The tests start the programs beside them in the target folder, which these two commands build and test:
//! `cargo build --workspace --bins --features oms-api/failpoints`, `cargo nextest run -p oms-api --features failpoints`.
//! Without the feature those that kill the API at a place inside it fail, and say so.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking, and its modules are private"
)]

// What the tests work with.
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
mod shop;
mod stock;
mod store_database;
mod transaction_pooler;
mod transcript;

// The tests, by subject.
mod credentials;
mod documents;
mod inventory;
mod operating;
mod orders;
mod payments;
#[cfg(feature = "pgbouncer")]
mod pgbouncer;
mod protocol;
mod robustness;
#[cfg(feature = "upgrade")]
mod upgrade;
