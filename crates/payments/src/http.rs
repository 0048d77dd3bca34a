//! The HTTP face of payments: where gateways report what happened.

mod receive_stripe_event;

use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};
use oms_database::Database;
use oms_web::method_not_allowed;
use tokio::sync::Notify;
use utoipa::OpenApi;

use crate::adapters::stripe::WebhookSecrets;

/// What the endpoint for Stripe's webhooks works with. Registered as `web::Data`.
pub struct StripeWebhooks {
    database: Database,
    secrets: WebhookSecrets,
    news: Arc<Notify>,
}

impl StripeWebhooks {
    /// Takes webhooks that are signed with one of the secrets. `news` is notified of each one that has to be applied, once
    /// it is stored.
    pub fn new(database: Database, secrets: WebhookSecrets, news: Arc<Notify>) -> Self {
        Self {
            database,
            secrets,
            news,
        }
    }
}

/// The endpoints of payments, as the document of the API describes them.
#[derive(OpenApi)]
#[openapi(paths(receive_stripe_event::receive_stripe_event))]
pub struct PaymentsDocument;

/// The routes of payments. An installation without secrets leaves them out: nobody can be believed there, and Stripe
/// goes on sending to an address that answers 404 for as long as to one that is down.
pub fn configure(config: &mut ServiceConfig) {
    config.service(
        web::resource("/webhooks/stripe")
            .route(web::post().to(receive_stripe_event::receive_stripe_event))
            .default_service(method_not_allowed("POST")),
    );
}
