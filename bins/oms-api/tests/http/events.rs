//! The feed of events.

mod brokers;
mod feed;
mod kills;
mod promises;
mod waiting;
mod webhooks;
