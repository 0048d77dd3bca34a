//! The HTTP endpoints of the feed.

mod document;
mod endpoints;
mod examples;
mod get_event;
mod list_event_types;
mod list_events;
mod representation;

use oms_validation::Scope;
use oms_web::{Access, Detached, Route, route};

use crate::context::EventsContext;

pub use document::{EventsSchemas, webhooks};
pub use endpoints::{WEBHOOK_ROUTES, WebhooksApi, WebhooksSchemas};

/// The routes of the feed, grouped by path.
pub static ROUTES: &[Route] = &[
    route!(GET "/events", READ, list_events::list_events),
    route!(GET "/events/{id}", READ, get_event::get_event),
    route!(GET "/event-types", READ, list_event_types::list_event_types),
];

const READ: Access = Access::Scope(Scope::EventsRead);

/// The dependencies of the feed's endpoints, registered as `web::Data`.
pub struct EventsApi {
    work: Detached<EventsContext>,
}

impl EventsApi {
    /// Creates the dependencies from those of the use cases.
    pub fn new(work: Detached<EventsContext>) -> Self {
        Self { work }
    }
}
