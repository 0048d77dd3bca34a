//! Deleting declined payments that no bound counts any more.

use std::time::Duration;

use oms_database::{Connection, DbError};

use crate::store::standings;

/// Deletes declines older than `older_than`, up to 1,000 of each tenant, and returns how many. No bound counts those that
/// are older than [`LONGEST_WINDOW`](crate::LONGEST_WINDOW).
///
/// # Errors
/// When the database does not answer; what was deleted before stays deleted.
pub async fn purge_declines(
    connection: &mut Connection,
    older_than: Duration,
) -> Result<usize, DbError> {
    standings::DECLINED_LONG_AGO
        .turn(connection, older_than)
        .await
}
