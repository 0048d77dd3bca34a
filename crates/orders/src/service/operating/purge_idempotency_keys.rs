//! Deletes expired idempotency keys.

use std::time::Duration;

use oms_database::{Connection, DbError};

use crate::store::idempotency_keys;

/// Deletes up to 1,000 keys of each tenant that belong to operations on existing orders and are older than
/// `older_than`, and returns how many. A request repeated with a deleted key is executed again.
///
/// # Errors
/// If the database does not answer. Deleted rows stay deleted.
pub async fn purge_idempotency_keys(
    connection: &mut Connection,
    older_than: Duration,
) -> Result<usize, DbError> {
    idempotency_keys::CLAIMED_LONG_AGO
        .turn(connection, older_than)
        .await
}
