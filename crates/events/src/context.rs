//! The dependencies of the use cases.

pub(crate) mod webhooks;

use std::sync::Arc;

use oms_database::Database;
use tokio_util::sync::CancellationToken;

use crate::domain::event_type::EventType;
use crate::ports::{EventSink, EventSource};
use crate::waiting::Waiting;

/// The dependencies of the use cases.
pub struct EventsContext {
    pub(crate) database: Database,
    pub(crate) source: Arc<dyn EventSource>,
    pub(crate) types: Vec<&'static EventType>,
    pub(crate) waiting: Waiting,
    pub(crate) stopping: CancellationToken,
    pub(crate) sinks: Vec<Arc<dyn EventSink>>,
}

impl EventsContext {
    /// Creates a context. `source` knows the timelines of orders; `types` are the published types. Requests stop
    /// waiting once `stopping` is cancelled.
    pub fn new(
        database: Database,
        source: Arc<dyn EventSource>,
        types: &[&'static [EventType]],
        stopping: CancellationToken,
    ) -> Self {
        Self {
            database,
            source,
            types: types.iter().copied().flatten().collect(),
            waiting: Waiting::default(),
            stopping,
            sinks: Vec::new(),
        }
    }

    /// Publishes the feeds of new tenants to these sinks.
    #[must_use]
    pub fn with_sinks(self, sinks: Vec<Arc<dyn EventSink>>) -> Self {
        Self { sinks, ..self }
    }
}
