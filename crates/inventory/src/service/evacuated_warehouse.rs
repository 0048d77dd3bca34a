//! Keeps new orders from a warehouse while its open work moves to others.

use std::collections::BTreeSet;

use oms_database::{Connection, DbError};
use oms_validation::{TenantId, WarehouseId};
use uuid::Uuid;

use crate::domain::id::HolderId;
use crate::error::InventoryError;
use crate::store::evacuated_warehouses;

/// Deactivates a warehouse, and keeps it from being activated until [`reopen_warehouse`]. Runs in the caller's
/// transaction, which is the evacuation's.
///
/// # Errors
/// `WarehouseNotFound`, or the database's error.
pub async fn close_warehouse(
    connection: &mut Connection,
    tenant: TenantId,
    id: WarehouseId,
    evacuation: Uuid,
) -> Result<(), InventoryError> {
    match evacuated_warehouses::close(connection, tenant, id, evacuation).await? {
        true => Ok(()),
        false => Err(InventoryError::WarehouseNotFound),
    }
}

/// Lets a warehouse be activated again after an evacuation. It stays inactive. Does nothing if another evacuation has
/// closed it.
///
/// # Errors
/// When the database fails.
pub async fn reopen_warehouse(
    connection: &mut Connection,
    tenant: TenantId,
    id: WarehouseId,
    evacuation: Uuid,
) -> Result<(), DbError> {
    evacuated_warehouses::reopen(connection, tenant, id, evacuation).await
}

/// The holders that have reserved units in a warehouse.
///
/// # Errors
/// When the database fails.
pub async fn find_holders(
    connection: &mut Connection,
    tenant: TenantId,
    id: WarehouseId,
) -> Result<BTreeSet<HolderId>, DbError> {
    evacuated_warehouses::find_holders(connection, tenant, id).await
}
