//! Deletes declined payments that no limit counts any more.

use std::time::Duration;

use oms_database::{Connection, DbError};

use crate::store::standings;

/// Deletes up to 1,000 declines of each tenant that are older than `older_than`, and returns how many. No limit counts
/// declines older than [`LONGEST_WINDOW`](crate::LONGEST_WINDOW).
///
/// # Errors
/// If the database does not answer. Deleted rows stay deleted.
pub async fn purge_declines(
    connection: &mut Connection,
    older_than: Duration,
) -> Result<usize, DbError> {
    standings::DECLINED_LONG_AGO
        .turn(connection, older_than)
        .await
}
