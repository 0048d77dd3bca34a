//! Deletes sessions and sign-in links whose time is over.

use std::time::Duration;

use oms_database::{Connection, DbError};

use crate::store::{sessions, sign_in_links};

/// Deletes sessions that expired longer than `older_than` ago, up to 1,000 per tenant, and returns how many.
///
/// # Errors
/// When the database fails; earlier deletions stay.
pub async fn purge_sessions(
    connection: &mut Connection,
    older_than: Duration,
) -> Result<usize, DbError> {
    sessions::EXPIRED.turn(connection, older_than).await
}

/// Deletes sign-in links that expired longer than `older_than` ago, up to 1,000 per tenant, and returns how many.
///
/// # Errors
/// When the database fails; earlier deletions stay.
pub async fn purge_sign_in_links(
    connection: &mut Connection,
    older_than: Duration,
) -> Result<usize, DbError> {
    sign_in_links::EXPIRED.turn(connection, older_than).await
}
