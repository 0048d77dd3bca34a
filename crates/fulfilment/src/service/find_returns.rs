//! Finds returns for orders, which locks the order before it changes them.

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

/// Returns up to `limit` approved returns of which nothing was received in time.
///
/// # Errors
/// When the database fails.
pub async fn find_expired_returns(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    limit: usize,
) -> Result<Vec<ReturnId>, DbError> {
    returns::find_expired(connection, tenant, now, limit).await
}
