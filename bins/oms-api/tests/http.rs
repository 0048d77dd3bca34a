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
#[path = "http/answer.rs"]
mod answer;
#[path = "http/api.rs"]
mod api;
#[path = "http/browser.rs"]
mod browser;
#[path = "http/chances.rs"]
mod chances;
#[path = "http/ends.rs"]
mod ends;
#[path = "http/eventually.rs"]
mod eventually;
#[path = "http/gateway_calls.rs"]
mod gateway_calls;
#[path = "http/giving_back.rs"]
mod giving_back;
#[path = "http/held_commit.rs"]
mod held_commit;
#[path = "http/invariants.rs"]
mod invariants;
#[path = "http/inventory_api.rs"]
mod inventory_api;
#[path = "http/keys.rs"]
mod keys;
#[path = "http/process.rs"]
mod process;
#[path = "http/promql.rs"]
mod promql;
#[path = "http/raw.rs"]
mod raw;
#[path = "http/receiver.rs"]
mod receiver;
#[path = "http/reporting.rs"]
mod reporting;
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
#[path = "http/transaction_pooler.rs"]
mod transaction_pooler;
#[path = "http/transcript.rs"]
mod transcript;

// The tests.
#[path = "http/access.rs"]
mod access;
#[path = "http/addresses.rs"]
mod addresses;
#[path = "http/aftermath.rs"]
mod aftermath;
#[path = "http/alert_webhook.rs"]
mod alert_webhook;
#[path = "http/amounts.rs"]
mod amounts;
#[path = "http/answer_headers.rs"]
mod answer_headers;
#[path = "http/breaker.rs"]
mod breaker;
#[path = "http/call_budget.rs"]
mod call_budget;
#[path = "http/cancelling.rs"]
mod cancelling;
#[path = "http/charges.rs"]
mod charges;
#[path = "http/concurrency.rs"]
mod concurrency;
#[path = "http/configuration.rs"]
mod configuration;
#[path = "http/contention.rs"]
mod contention;
#[path = "http/cut_connections.rs"]
mod cut_connections;
#[path = "http/database_outages.rs"]
mod database_outages;
#[path = "http/database_start.rs"]
mod database_start;
#[path = "http/dead_letters.rs"]
mod dead_letters;
#[path = "http/deployed_monitoring.rs"]
mod deployed_monitoring;
#[path = "http/documentation.rs"]
mod documentation;
#[path = "http/every_body.rs"]
mod every_body;
#[path = "http/every_route.rs"]
mod every_route;
#[path = "http/frozen_server.rs"]
mod frozen_server;
#[path = "http/gateway_fault_matrix.rs"]
mod gateway_fault_matrix;
#[path = "http/gateway_outages.rs"]
mod gateway_outages;
#[path = "http/hanging_gateway.rs"]
mod hanging_gateway;
#[path = "http/idempotency.rs"]
mod idempotency;
#[path = "http/import_command.rs"]
mod import_command;
#[path = "http/imports.rs"]
mod imports;
#[path = "http/installations.rs"]
mod installations;
#[path = "http/inventory_isolation.rs"]
mod inventory_isolation;
#[path = "http/kill_cancel_refund.rs"]
mod kill_cancel_refund;
#[path = "http/kill_matrix.rs"]
mod kill_matrix;
#[path = "http/killed.rs"]
mod killed;
#[path = "http/limits.rs"]
mod limits;
#[path = "http/listing_orders.rs"]
mod listing_orders;
#[path = "http/locked_orders.rs"]
mod locked_orders;
#[path = "http/logs.rs"]
mod logs;
#[path = "http/methods.rs"]
mod methods;
#[path = "http/metrics.rs"]
mod metrics;
#[path = "http/newer_words.rs"]
mod newer_words;
#[path = "http/overload.rs"]
mod overload;
#[path = "http/pages.rs"]
mod pages;
#[path = "http/paths.rs"]
mod paths;
#[path = "http/payment_methods.rs"]
mod payment_methods;
#[path = "http/pipelining.rs"]
mod pipelining;
#[path = "http/placing.rs"]
mod placing;
#[path = "http/previewing.rs"]
mod previewing;
#[path = "http/products.rs"]
mod products;
#[path = "http/race.rs"]
mod race;
#[path = "http/rate_limits.rs"]
mod rate_limits;
#[path = "http/readiness.rs"]
mod readiness;
#[path = "http/readme.rs"]
mod readme;
#[path = "http/references.rs"]
mod references;
#[path = "http/refunding.rs"]
mod refunding;
#[path = "http/refusals.rs"]
mod refusals;
#[path = "http/reverse_reconciliation.rs"]
mod reverse_reconciliation;
#[path = "http/shutdown.rs"]
mod shutdown;
#[path = "http/silent_database.rs"]
mod silent_database;
#[path = "http/slow_readers.rs"]
mod slow_readers;
#[path = "http/spelling.rs"]
mod spelling;
#[path = "http/stock_changes.rs"]
mod stock_changes;
#[path = "http/strangers.rs"]
mod strangers;
#[path = "http/stuck_orders.rs"]
mod stuck_orders;
#[path = "http/three_d_secure.rs"]
mod three_d_secure;
#[path = "http/three_d_secure_pages.rs"]
mod three_d_secure_pages;
#[path = "http/timeline.rs"]
mod timeline;
#[path = "http/tokens.rs"]
mod tokens;
#[path = "http/tracing.rs"]
mod tracing;
#[path = "http/warehouses.rs"]
mod warehouses;
#[path = "http/webhooks_applied.rs"]
mod webhooks_applied;
#[path = "http/webhooks_in.rs"]
mod webhooks_in;
#[path = "http/webhooks_late.rs"]
mod webhooks_late;
#[path = "http/workers.rs"]
mod workers;
