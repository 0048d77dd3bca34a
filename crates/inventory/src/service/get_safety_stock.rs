//! Reading how much of a stock level routing leaves alone.

use std::collections::BTreeSet;

use oms_validation::TenantId;

use crate::context::InventoryContext;
use crate::error::InventoryError;
use crate::store::level_counts;
use crate::{ProductId, WarehouseId};

/// The safety stock of a product in a warehouse, in pieces.
///
/// # Errors
/// `StockLevelNotFound` when the warehouse never had the product, or why the database can't be asked.
pub(crate) async fn get_safety_stock(
    context: &InventoryContext,
    tenant: TenantId,
    level: (WarehouseId, ProductId),
) -> Result<i32, InventoryError> {
    let mut connection = context.database.acquire().await?;
    let found = level_counts::find(&mut connection, tenant, &BTreeSet::from([level])).await?;
    let counts = found
        .get(&level)
        .ok_or(InventoryError::StockLevelNotFound)?;
    Ok(counts.safety_stock)
}
