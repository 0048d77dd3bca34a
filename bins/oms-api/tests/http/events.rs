//! The feed of events.

mod feed;
mod kills;
mod promises;
mod waiting;
mod webhooks;
