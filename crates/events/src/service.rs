//! The use cases.

pub(crate) mod begin_sink;
pub(crate) mod bump;
pub(crate) mod get_event;
pub(crate) mod list_events;
mod load_events;
pub(crate) mod measure_outbox;
pub(crate) mod publish;
pub(crate) mod purge_feed;
pub(crate) mod relay;
pub(crate) mod wait_for_events;
pub(crate) mod webhooks;
