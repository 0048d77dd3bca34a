//! Deleting old gateway events.

use std::time::Duration;

use oms_database::{Connection, DbError};

use crate::store::gateway_events;

/// How long applied gateway events are kept. Stripe itself retries for three days
/// (<https://docs.stripe.com/webhooks#retries>), and an operator can resend an event for thirty
/// (<https://docs.stripe.com/api/events>). An event that arrives after that is applied again, which changes nothing.
pub const KEEP_GATEWAY_EVENTS: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Deletes gateway events that were applied longer than `older_than` ago, up to 1,000 per tenant, and returns how many.
/// Events that were not applied are never deleted.
///
/// # Errors
/// When the database does not answer; earlier deletions stay.
pub async fn purge_gateway_events(
    connection: &mut Connection,
    older_than: Duration,
) -> Result<usize, DbError> {
    gateway_events::APPLIED_LONG_AGO
        .turn(connection, older_than)
        .await
}
