//! Tests of the database crate on a real server.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod hosts;
mod distribution;
mod installation;
mod migrating;
mod pipelining;
mod pool;
mod schema;
mod silence;
mod statistics;
mod tls;
mod tenants;
