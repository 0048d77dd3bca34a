//! Writes off what no holder has of products that a warehouse doesn't find.

use std::collections::BTreeSet;

use oms_database::Connection;
use oms_validation::{ProductId, TenantId, WarehouseId};

use crate::domain::allocation::LevelKey;
use crate::domain::stock_change::PlannedMovement;
use crate::domain::stock_movement::{ChangeRecord, MovementKind};
use crate::error::InventoryError;
use crate::store::{level_counts, stock_levels, stock_movements};

/// Writes off all units of products in a warehouse that nobody has reserved and that are not in quarantine. Runs in the
/// caller's transaction.
///
/// # Errors
/// When the database fails.
pub async fn write_off_unreserved(
    connection: &mut Connection,
    tenant: TenantId,
    warehouse_id: WarehouseId,
    products: &BTreeSet<ProductId>,
    record: ChangeRecord<'_>,
) -> Result<(), InventoryError> {
    let levels: BTreeSet<LevelKey> = products.iter().map(|id| (warehouse_id, *id)).collect();
    stock_levels::lock(tenant, &levels).run(connection).await?;
    let counts = level_counts::find(tenant, &levels).run(connection).await?;
    let free = counts.iter().map(|(level, counts)| PlannedMovement {
        level: *level,
        kind: MovementKind::WriteOff,
        quantity: -counts.removable(),
        quarantined: 0,
    });
    let free: Vec<PlannedMovement> = free.filter(|it| it.quantity < 0).collect();
    if !free.is_empty() {
        stock_movements::apply(connection, tenant, &free, record).await?;
    }
    Ok(())
}
