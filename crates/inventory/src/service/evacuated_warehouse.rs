//! Keeps new orders from a warehouse while its open work moves to others.

use std::collections::BTreeSet;

use oms_database::{Connection, DbError};
use oms_validation::{TenantId, WarehouseId};
use uuid::Uuid;

use crate::domain::id::HolderId;
use crate::error::InventoryError;
use crate::store::{evacuated_warehouses, warehouses};

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

/// Whether a holder that is not one of these has reserved units in a warehouse.
///
/// # Errors
/// When the database fails.
pub async fn has_other_holders(
    connection: &mut Connection,
    tenant: TenantId,
    id: WarehouseId,
    known: &BTreeSet<HolderId>,
) -> Result<bool, DbError> {
    evacuated_warehouses::has_other_holders(connection, tenant, id, known).await
}

/// Whether a warehouse exists and takes part in routing.
///
/// # Errors
/// When the database fails.
pub async fn is_active_warehouse(
    connection: &mut Connection,
    tenant: TenantId,
    id: WarehouseId,
) -> Result<bool, DbError> {
    warehouses::is_active(tenant, id).run(connection).await
}
