//! Reads the safety stock of a stock level.

use std::collections::BTreeSet;

use oms_validation::{ProductId, TenantId, WarehouseId};

use crate::context::InventoryContext;
use crate::error::InventoryError;
use crate::store::level_counts;

/// Returns the safety stock of a product in a warehouse, in units.
///
/// # Errors
/// `StockLevelNotFound` if the warehouse has never stocked the product, or the database's error.
pub(crate) async fn get_safety_stock(
    context: &InventoryContext,
    tenant: TenantId,
    level: (WarehouseId, ProductId),
) -> Result<i32, InventoryError> {
    let mut connection = context.database.acquire().await?;
    let found = level_counts::find(tenant, &BTreeSet::from([level]))
        .run(&mut connection)
        .await?;
    let counts = found
        .get(&level)
        .ok_or(InventoryError::StockLevelNotFound)?;
    Ok(counts.safety_stock)
}
