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

#[path = "inventory/changing.rs"]
mod changing;
#[path = "inventory/concurrency.rs"]
mod concurrency;
#[path = "inventory/fixture.rs"]
mod fixture;
#[path = "inventory/importing.rs"]
mod importing;
#[path = "inventory/importing_at_once.rs"]
mod importing_at_once;
#[path = "inventory/importing_products.rs"]
mod importing_products;
#[path = "inventory/reservations.rs"]
mod reservations;
#[path = "inventory/routing.rs"]
mod routing;
#[path = "inventory/safety_stock.rs"]
mod safety_stock;
