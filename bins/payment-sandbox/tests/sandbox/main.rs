//! The real binary, driven over HTTP: every test has a process, a port and a state file of its
//! own.

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
