//! Reads a warehouse.

use oms_database::boxed;
use oms_validation::{TenantId, WarehouseId};

use crate::context::InventoryContext;
use crate::domain::warehouse::Warehouse;
use crate::error::InventoryError;
use crate::store::warehouses;

/// Returns a warehouse.
///
/// # Errors
/// `WarehouseNotFound`, or the database's error.
#[boxed]
pub async fn get_warehouse(
    context: &InventoryContext,
    tenant: TenantId,
    id: WarehouseId,
) -> Result<Warehouse, InventoryError> {
    let mut connection = context.database.acquire().await?;
    let found = warehouses::find(&mut connection, tenant, id).await?;
    found.ok_or(InventoryError::WarehouseNotFound)
}
