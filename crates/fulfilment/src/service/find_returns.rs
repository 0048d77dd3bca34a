//! Finds returns for orders, which locks the order before it changes them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use oms_database::{Connection, DbError, Statement};
use oms_validation::{OrderId, TenantId};

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

/// Returns those of the given orders that have a return about which nobody has decided.
pub fn find_orders_with_undecided_returns<'q>(
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Statement<'q, BTreeSet<OrderId>> {
    returns::find_undecided(tenant, order_ids)
}
