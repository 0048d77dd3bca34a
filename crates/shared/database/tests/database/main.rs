//! The database crate, on a real server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hosts;
mod installation;
mod migrating;
mod pool;
mod schema;
mod silence;
mod statistics;
mod tls;
