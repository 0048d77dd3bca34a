//! Tests of the database crate on a real server.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod installation;
mod pipelining;
mod pool;
mod schema;
mod silence;
mod statistics;
