//! Where the facts of events come from, and how events leave.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use oms_database::{Connection, DbError};
use oms_validation::TenantId;
use tokio::time::Instant;

use crate::domain::event::EventFacts;
use crate::domain::key::EventKey;
use crate::domain::publishing::{Message, Published};
use crate::domain::webhooks::endpoint_url::EndpointUrl;
use crate::domain::webhooks::outcome::Failure;
use crate::domain::webhooks::sending::{Sent, Webhook};

/// The context with the timelines of orders.
#[async_trait]
pub trait EventSource: Send + Sync {
    /// Loads the facts of events of timelines, in any order. The facts of one key are the same each time. Keys that the
    /// tenant does not have are left out.
    ///
    /// # Errors
    /// If the database fails.
    async fn load(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        keys: &[EventKey],
    ) -> Result<Vec<EventFacts>, DbError>;
}

/// The network, as endpoints see it.
#[async_trait]
pub trait WebhookSender: Send + Sync {
    /// Checks that webhooks may be sent to a URL, without connecting to it.
    ///
    /// # Errors
    /// If its name leads nowhere, or only to addresses that are not allowed.
    async fn check(&self, url: &EndpointUrl) -> Result<(), Failure>;

    /// Sends a webhook once.
    async fn send(&self, webhook: Webhook<'_>) -> Sent;
}

/// A consumer of the feeds of all tenants: a broker, or what alerts operators.
#[async_trait]
pub trait EventSink: Send + Sync {
    /// Its name in the database, the log and metrics.
    fn name(&self) -> &'static str;

    /// The types that it takes, all of them types of records. By default it takes all events.
    fn record_types(&self) -> Option<&[&'static str]> {
        None
    }

    /// Whether there is a connection.
    fn is_connected(&self) -> bool;

    /// Publishes messages of one tenant, and returns how many of them, from the first on, were acknowledged. No message
    /// may be stored before an earlier one about the same subject. Begins no message after `until`, and may stop
    /// earlier: it is called again for the rest.
    async fn publish(&self, messages: &[Message], until: Instant) -> Published;
}

/// The current time for webhooks: leases, retries, and how long an endpoint has failed.
///
/// Production uses the database's own: the clocks of several machines may disagree. Tests set the time.
pub trait Clock: Send + Sync {
    /// The time that statements use as the present. `None` means the database's.
    fn now(&self) -> Option<DateTime<Utc>>;
}
