//! The HTTP endpoints of webhooks.

mod attempts;
mod change;
mod create;
mod delete;
mod deliveries;
mod list;
mod replays;
mod representation;
mod resolve;
mod rotate;
mod show;
mod status;
mod test;

use oms_validation::Scope;
use oms_web::{Access, Detached, Route, route};

use crate::context::webhooks::WebhooksContext;
use crate::domain::webhooks::endpoint::EndpointId;
use crate::domain::webhooks::endpoint_url::EndpointUrl;
use crate::error::WebhooksError;

pub use representation::WebhooksSchemas;

const READ: Access = Access::Scope(Scope::WebhooksRead);
const WRITE: Access = Access::Scope(Scope::WebhooksWrite);

/// The routes of webhooks, grouped by path.
pub static WEBHOOK_ROUTES: &[Route] = &[
    route!(POST "/webhook-endpoints", WRITE, create::create),
    route!(GET "/webhook-endpoints", READ, list::list),
    route!(GET "/webhook-endpoints/{id}", READ, show::show),
    route!(PATCH "/webhook-endpoints/{id}", WRITE, change::change),
    route!(DELETE "/webhook-endpoints/{id}", WRITE, delete::delete),
    route!(POST "/webhook-endpoints/{id}/test", WRITE, test::test),
    route!(POST "/webhook-endpoints/{id}/rotate-secret", WRITE, rotate::rotate),
    route!(POST "/webhook-endpoints/{id}/pause", WRITE, status::pause),
    route!(POST "/webhook-endpoints/{id}/enable", WRITE, status::enable),
    route!(GET "/webhook-endpoints/{id}/attempts", READ, attempts::attempts),
    route!(GET "/webhook-endpoints/{id}/deliveries", READ, deliveries::deliveries),
    route!(POST "/webhook-endpoints/{id}/deliveries/{eventId}/retry", WRITE, resolve::retry),
    route!(POST "/webhook-endpoints/{id}/deliveries/{eventId}/skip", WRITE, resolve::skip),
    route!(POST "/webhook-endpoints/{id}/replays", WRITE, replays::start),
    route!(GET "/webhook-endpoints/{id}/replays", READ, replays::list),
    route!(GET "/webhook-endpoints/{id}/replays/{replayId}", READ, replays::show),
    route!(POST "/webhook-endpoints/{id}/replays/{replayId}/cancel", WRITE, replays::cancel),
];

/// The dependencies of the endpoints of webhooks, registered as `web::Data`.
pub struct WebhooksApi {
    work: Detached<WebhooksContext>,
}

impl WebhooksApi {
    /// Creates the dependencies from those of the use cases.
    pub fn new(work: Detached<WebhooksContext>) -> Self {
        Self { work }
    }

    fn url_of(&self, text: &str) -> Result<EndpointUrl, oms_errors::Problem> {
        let parsed = EndpointUrl::parse(text, &self.work.context().rules);
        parsed.map_err(|error| oms_errors::invalid_field("url", error.to_string()))
    }
}

/// Parses the ID in a path. A malformed ID is treated as unknown.
fn id_of(path: &str) -> Result<EndpointId, WebhooksError> {
    path.parse().map_err(|_| WebhooksError::EndpointNotFound)
}
