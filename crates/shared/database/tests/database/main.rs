//! The database crate, on a real server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod installation;
mod pipelining;
mod pool;
mod schema;
mod silence;
mod statistics;
