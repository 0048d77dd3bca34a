//! Fulfilment on a real database.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking, and its modules are private"
)]

mod cancelling;
mod dispatching;
mod erasing;
mod fixture;
mod holding;
mod moving;
mod tracking;
mod work_list;
