//! Makes sure that no position is given twice after a restore that the relay can't notice.

use oms_database::{Connection, DbError};

use crate::store::heads;

/// How far the end of a feed is moved when positions may have been lost: more than a tenant publishes between a backup
/// and its restore.
pub const BUMP: i64 = 1_000_000_000;

/// Moves the ends of all tenants' feeds, and returns their number. The relay does this itself if the database tells
/// that it was restored or promoted.
///
/// # Errors
/// If the database fails.
pub async fn bump_positions(connection: &mut Connection) -> Result<usize, DbError> {
    heads::move_all(connection, BUMP).await
}
