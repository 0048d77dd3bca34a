//! Tests of the database crate on a real server.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod distribution;
mod hosts;
mod installation;
mod migrating;
mod pipelining;
mod pool;
mod schema;
mod silence;
mod statistics;
mod tenants;
mod tls;
