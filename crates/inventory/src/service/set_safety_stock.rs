//! Sets the safety stock of a stock level.

use std::collections::BTreeSet;

use oms_database::boxed;
use oms_validation::{ExpectedVersion, ProductId, TenantId, WarehouseId};

use crate::context::InventoryContext;
use crate::error::InventoryError;
use crate::store::{level_counts, stock_levels};

/// Sets the safety stock of a product in a warehouse, in units, if it has the expected version. The version is the
/// safety stock itself, because orders change the rest of the level all the time. Existing reservations stay.
///
/// # Errors
/// `StockLevelNotFound` if the warehouse has never stocked the product; `Changed` if it has another version; or the
/// database's error. On error, nothing is changed.
#[boxed]
pub async fn set_safety_stock(
    context: &InventoryContext,
    tenant: TenantId,
    level: (WarehouseId, ProductId),
    expected: &ExpectedVersion,
    safety_stock: i32,
) -> Result<(), InventoryError> {
    let keys = BTreeSet::from([level]);
    let mut request = context.change(tenant, level.1.as_uuid());
    loop {
        let attempt = request.attempt(async |connection| {
            stock_levels::lock(tenant, &keys).run(connection).await?;
            let found = level_counts::find(tenant, &keys).run(connection).await?;
            let counts = found
                .get(&level)
                .ok_or(InventoryError::StockLevelNotFound)?;
            if !expected.allows(counts.safety_stock) {
                let version = counts.safety_stock;
                return Err(InventoryError::Changed { version });
            }
            level_counts::set_safety_stock(connection, tenant, level, safety_stock).await?;
            Ok(())
        });
        if let Some(done) = attempt.await {
            return done;
        }
    }
}
