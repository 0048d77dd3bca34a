#![doc = include_str!("../README.md")]

mod context;
mod domain;
mod error;
pub mod http;
mod ports;
mod service;
mod store;
mod waiting;

// For the contexts, which append what they change, in its commit.
pub use __append_sql as append_sql;
pub use domain::event::{EventFacts, Subject};
pub use domain::event_type::EventType;
pub use domain::key::EventKey;
pub use domain::record::NewRecord;
pub use store::outbox::append;
pub use store::records::record;

// For the program, which wires the context and runs the workers.
pub use context::EventsContext;
pub use error::PROBLEM_TYPES;
pub use ports::EventSource;
pub use service::bump::{BUMP, bump_positions};
pub use service::measure_outbox::{OutboxBacklog, measure_outbox};
pub use service::purge_feed::purge_feed;
pub use service::relay::{Relayed, relay};
pub use store::outbox::APPENDED;

// For `oms-api grants`, which prints the privileges of the serving role.
pub use store::grants::GRANTS;

// Only this crate's tests call these without HTTP.
#[doc(hidden)]
pub use {
    domain::feed::{FeedFilter, FeedPage, FeedPosition, FeedStart},
    error::EventsError,
    service::get_event::get_event,
    service::list_events::list_events,
};
