//! The feed on a real database, with a history of its own.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking, and its modules are private"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests write their SQL as they go"
)]

mod history;
#[cfg(feature = "kafka")]
mod kafka;
mod nats;
mod planted;
mod positions;
mod publishing;
mod purging;
mod races;
mod reading;
mod receiver;
mod sinks;
mod webhooks;
mod webhooks_outages;
mod webhooks_replays;
mod webhooks_secrets;
mod webhooks_tenants;
