//! Measures endpoints and what they have not received.

use std::time::Duration;

use oms_database::{Connection, DbError};

use crate::store::webhooks::measuring;

/// What endpoints of all tenants have not received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebhookBacklog {
    /// Endpoints by state, in the order of [`ENDPOINT_STATES`].
    pub endpoints: [u64; ENDPOINT_STATES.len()],
    /// Deliveries by state, in the order of [`DELIVERY_STATES`].
    pub deliveries: [u64; DELIVERY_STATES.len()],
    /// Replays that are running.
    pub replays: u64,
    /// Events after the place of the enabled endpoint that is furthest behind, counted in up to 100 segments of the feed.
    pub events: u64,
    /// Age of the oldest event after the place of an enabled endpoint.
    pub oldest: Duration,
}

/// The states in which endpoints are counted. `failing` ones are enabled, but can't be reached.
pub const ENDPOINT_STATES: [&str; 4] = ["enabled", "failing", "paused", "disabled"];

/// The states in which deliveries are counted.
pub const DELIVERY_STATES: [&str; 3] = ["retrying", "behind", "exhausted"];

/// Measures what the endpoints of all tenants have not received.
///
/// # Errors
/// If the database fails.
pub async fn measure_webhooks(connection: &mut Connection) -> Result<WebhookBacklog, DbError> {
    let measured = measuring::endpoints(connection).await?;
    let counted = measuring::deliveries(connection).await?;
    let replays = measuring::replays(connection).await?;
    let number = |count: i64| u64::try_from(count).unwrap_or_default();
    let oldest = measured.oldest_s.unwrap_or_default();
    Ok(WebhookBacklog {
        endpoints: [
            measured.enabled,
            measured.failing,
            measured.paused,
            measured.disabled,
        ]
        .map(number),
        deliveries: [counted.retrying, counted.behind, counted.exhausted].map(number),
        replays: number(replays.running),
        events: number(measured.backlog.unwrap_or_default()),
        oldest: Duration::try_from_secs_f64(oldest).unwrap_or_default(),
    })
}
