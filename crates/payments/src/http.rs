//! The HTTP endpoints of payments: where gateways report events.

mod receive_stripe_event;

use std::sync::Arc;

use oms_database::Database;
use oms_web::{Access, Route, route};
use tokio::sync::Notify;

use crate::adapters::stripe::WebhookSecrets;

/// The routes of payments. An installation without secrets omits them, because it can't verify any event. Stripe
/// retries an address that answers 404 for as long as one that is down.
pub static ROUTES: &[Route] =
    &[route!(POST "/webhooks/stripe", Access::Signed, receive_stripe_event::receive_stripe_event)];

/// State of the Stripe webhook endpoint. Registered as `web::Data`.
pub struct StripeWebhooks {
    database: Database,
    secrets: WebhookSecrets,
    news: Arc<Notify>,
}

impl StripeWebhooks {
    /// Accepts webhooks that are signed with one of the secrets. `news` is notified of each event that must be applied,
    /// after it is stored.
    pub fn new(database: Database, secrets: WebhookSecrets, news: Arc<Notify>) -> Self {
        Self {
            database,
            secrets,
            news,
        }
    }
}
