//! Deletes what is old of webhooks.

use std::time::Duration;

use oms_database::{Connection, DbError};

use crate::store::webhooks::{attempts, deliveries, idempotency_keys, replays};

/// Deletes tries that are older than `older_than`, up to 1,000 per tenant, and returns their number.
///
/// # Errors
/// If the database fails. What was deleted already stays deleted.
pub async fn purge_attempts(
    connection: &mut Connection,
    older_than: Duration,
) -> Result<usize, DbError> {
    attempts::STARTED_LONG_AGO
        .turn(connection, older_than)
        .await
}

/// Deletes deliveries that were given up for longer than `older_than`, up to 1,000 per tenant, and returns their number.
///
/// # Errors
/// If the database fails. What was deleted already stays deleted.
pub async fn purge_deliveries(
    connection: &mut Connection,
    older_than: Duration,
) -> Result<usize, DbError> {
    deliveries::GIVEN_UP_LONG_AGO
        .turn(connection, older_than)
        .await
}

/// Deletes replays that ended longer than `older_than` ago, up to 1,000 per tenant, and returns their number.
///
/// # Errors
/// If the database fails. What was deleted already stays deleted.
pub async fn purge_replays(
    connection: &mut Connection,
    older_than: Duration,
) -> Result<usize, DbError> {
    replays::ENDED_LONG_AGO.turn(connection, older_than).await
}

/// Deletes idempotency keys that are older than `older_than`, up to 1,000 per tenant, and returns their number.
///
/// # Errors
/// If the database fails. What was deleted already stays deleted.
pub async fn purge_webhook_keys(
    connection: &mut Connection,
    older_than: Duration,
) -> Result<usize, DbError> {
    idempotency_keys::CLAIMED_LONG_AGO
        .turn(connection, older_than)
        .await
}
