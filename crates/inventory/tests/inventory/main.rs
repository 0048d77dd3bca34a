//! Inventory on a real database: each test has its own.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking, and its modules are private"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests write their SQL as they go"
)]

mod changing;
mod concurrency;
mod fixture;
mod importing;
mod importing_at_once;
mod importing_products;
mod reservations;
mod routing;
mod safety_stock;
