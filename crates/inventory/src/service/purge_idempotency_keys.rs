//! Deletes expired idempotency keys.

use std::time::Duration;

use oms_database::{Connection, DbError};

use crate::store::idempotency_keys;

/// Deletes keys older than `older_than`, up to 1,000 per tenant, and returns their number. Repeating a request with a
/// deleted key executes it again.
///
/// # Errors
/// When the database fails. Keys that were already deleted stay deleted.
pub async fn purge_idempotency_keys(
    connection: &mut Connection,
    older_than: Duration,
) -> Result<usize, DbError> {
    idempotency_keys::CLAIMED_LONG_AGO
        .turn(connection, older_than)
        .await
}
