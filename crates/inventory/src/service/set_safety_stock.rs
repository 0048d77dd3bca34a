//! Setting how much of a stock level routing leaves alone.

use std::collections::BTreeSet;

use oms_database::transaction;
use oms_validation::{ExpectedVersion, TenantId};

use crate::context::InventoryContext;
use crate::error::InventoryError;
use crate::store::{level_counts, stock_levels};
use crate::{ProductId, WarehouseId};

/// Sets the safety stock of a product in a warehouse, in pieces, if it is what the change is for: its version is its value,
/// because orders change the level all the time. What orders hold already stays held.
///
/// # Errors
/// `StockLevelNotFound` when the warehouse never had the product; `Changed` when another value is set; or why the database
/// failed. Nothing is changed then.
pub(crate) async fn set_safety_stock(
    context: &InventoryContext,
    tenant: TenantId,
    level: (WarehouseId, ProductId),
    expected: &ExpectedVersion,
    safety_stock: i32,
) -> Result<(), InventoryError> {
    let mut connection = context.database.acquire().await?;
    let keys = BTreeSet::from([level]);
    transaction(&mut connection, async |connection| {
        stock_levels::lock(tenant, &keys).run(connection).await?;
        let found = level_counts::find(connection, tenant, &keys).await?;
        let counts = found
            .get(&level)
            .ok_or(InventoryError::StockLevelNotFound)?;
        if !expected.allows(counts.safety_stock) {
            let version = counts.safety_stock;
            return Err(InventoryError::Changed { version });
        }
        level_counts::set_safety_stock(connection, tenant, level, safety_stock).await?;
        Ok(())
    })
    .await
}
