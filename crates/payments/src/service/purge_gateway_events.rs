//! Forgetting what gateways told us long ago.

use std::time::Duration;

use oms_database::{Connection, DbError};

use crate::store::gateway_events;

/// How long applied messages are kept. Stripe repeats one for three days, by itself
/// (<https://docs.stripe.com/webhooks#retries>), and an operator's resending it, for thirty
/// (<https://docs.stripe.com/api/events>): one that comes again later is applied again, which changes nothing.
pub const KEEP_GATEWAY_EVENTS: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Deletes messages that were applied longer ago than `older_than`, up to 1,000 of each tenant, and returns how many.
/// What was not applied is never deleted.
///
/// # Errors
/// When the database does not answer; what was deleted before stays deleted.
pub async fn purge_gateway_events(
    connection: &mut Connection,
    older_than: Duration,
) -> Result<usize, DbError> {
    gateway_events::APPLIED_LONG_AGO
        .turn(connection, older_than)
        .await
}
