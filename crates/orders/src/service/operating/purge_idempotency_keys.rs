//! Deleting idempotency keys that were kept for long enough.

use std::time::Duration;

use oms_database::{Connection, DbError};

use crate::store::idempotency_keys;

/// Deletes the keys of what was done to orders that exist longer ago than `older_than`, up to 1,000 of each tenant, and returns how
/// many. A request that is repeated with such a key is carried out again.
///
/// # Errors
/// When the database does not answer; what was deleted before stays deleted.
pub async fn purge_idempotency_keys(
    connection: &mut Connection,
    older_than: Duration,
) -> Result<usize, DbError> {
    idempotency_keys::CLAIMED_LONG_AGO
        .turn(connection, older_than)
        .await
}
