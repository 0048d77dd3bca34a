//! Finds returns for orders, which locks the order before it changes them.

use chrono::{DateTime, Utc};
use oms_database::{Connection, DbError};
use oms_validation::TenantId;

use crate::domain::id::ReturnId;
use crate::domain::returns::Return;
use crate::store::{Now, returns};

/// Returns those of the given returns that exist, unordered.
///
/// # Errors
/// When the database fails.
pub async fn find_returns(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[ReturnId],
) -> Result<Vec<Return>, DbError> {
    returns::find(connection, tenant, ids).await
}

/// Returns up to `limit` approved returns of which nothing was received in time, after a position and with their own.
///
/// # Errors
/// When the database fails.
pub async fn find_expired_returns(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    after: Option<(DateTime<Utc>, ReturnId)>,
    limit: usize,
) -> Result<Vec<(DateTime<Utc>, ReturnId)>, DbError> {
    returns::find_expired(connection, tenant, now, after, limit).await
}
