//! Tests of inventory on a real database. Each test has its own.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "tests fail by panicking, and their modules are private"
)]
#![allow(clippy::disallowed_methods, reason = "tests write ad-hoc SQL")]

mod changing;
mod concurrency;
mod evacuating;
mod fixture;
mod holders;
mod importing;
mod importing_at_once;
mod importing_products;
mod moving;
mod pricing;
mod reservations;
mod returning;
mod routing;
mod safety_stock;
mod sequences;
mod shipping;
