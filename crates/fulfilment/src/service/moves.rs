//! The moves of an order, and the warehouses that are excluded from it.

use std::collections::BTreeSet;

use oms_database::{Connection, DbError};
use oms_validation::{OrderId, TenantId, WarehouseId};

use crate::domain::moving::Move;
use crate::store::{Now, moves};

/// Returns the moves of an order, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn find_moves(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Vec<Move>, DbError> {
    moves::find(connection, tenant, order_id).await
}

/// Returns the warehouses that routing must not choose for an order, because they rejected it.
///
/// # Errors
/// When the database fails.
pub async fn find_excluded(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<BTreeSet<WarehouseId>, DbError> {
    moves::find_excluded(connection, tenant, order_id).await
}

/// Keeps routing from choosing a warehouse for a locked order again.
///
/// # Errors
/// When the database fails.
pub async fn exclude_warehouse(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    subject: (OrderId, WarehouseId),
    reason: &str,
) -> Result<(), DbError> {
    moves::exclude(connection, tenant, now, subject, reason).await
}

/// Lets routing choose a warehouse for a locked order again.
///
/// # Errors
/// When the database fails.
pub async fn include_warehouse(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    warehouse_id: WarehouseId,
) -> Result<(), DbError> {
    moves::include(connection, tenant, order_id, warehouse_id).await
}
