//! Checks that a warehouse exists.

use std::collections::BTreeSet;

use oms_database::Connection;
use oms_validation::{TenantId, WarehouseId};

use crate::error::InventoryError;
use crate::store::warehouses;

/// Checks that the tenant has a warehouse, active or not.
///
/// # Errors
/// `UnknownWarehouse`, or the database's error.
pub async fn check_warehouse(
    connection: &mut Connection,
    tenant: TenantId,
    id: WarehouseId,
) -> Result<(), InventoryError> {
    let known = warehouses::find_known(connection, tenant, &BTreeSet::from([id])).await?;
    match known.contains(&id) {
        true => Ok(()),
        false => Err(InventoryError::UnknownWarehouse(id)),
    }
}
