//! Tests of the real binary over HTTP. Every test has its own process, port and state file.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod aftermath;
mod defects;
mod faults;
mod idempotency;
mod payments;
mod process;
mod receiver;
mod sandbox;
mod three_d_secure;
mod webhooks;
