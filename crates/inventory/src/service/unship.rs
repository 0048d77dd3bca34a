//! Brings back the units of a shipment that never left.

use std::collections::BTreeSet;

use oms_database::{Connection, send_in_transaction};
use oms_validation::{ProductId, TenantId, WarehouseId};

use crate::domain::demand::Demand;
use crate::domain::holding::HeldUnits;
use crate::domain::id::HolderId;
use crate::domain::stock_level::LevelChange;
use crate::domain::stock_movement::{ChangeRecord, MovementKind, StockMovement};
use crate::stock_error::StockError;
use crate::store::{level_counts, reservations, stock_levels, stock_movements};

/// Reverses [`ship`](crate::ship) for a change and its holder: exactly the units that the change shipped are back in
/// the stock on hand, in the reserved stock and in the holder's reservations, also in a warehouse that is inactive. The
/// record names the same change. Runs in the caller's transaction, which has locked the holder.
///
/// # Errors
/// `NotShipped` if the change has shipped nothing; `AlreadyMade` if it was reversed before; or the database's error.
pub async fn unship(
    connection: &mut Connection,
    tenant: TenantId,
    holder: HolderId,
    record: ChangeRecord<'_>,
) -> Result<(), StockError> {
    // Movements are never changed, so this may be read before the locks.
    let made = stock_movements::find_change(connection, tenant, record.change_id).await?;
    let (warehouse_id, units) = shipped(&made).ok_or(StockError::NotShipped)?;
    let back = HeldUnits {
        holder,
        warehouse_id,
        units: &units,
    };
    let levels: BTreeSet<_> = back.levels();
    stock_levels::lock(tenant, &levels).run(connection).await?;
    let changes = back.changes(LevelChange {
        on_hand: 1,
        reserved: 1,
        ..LevelChange::default()
    });
    let movements = back.movements(MovementKind::ShipmentCancelled, 1);
    let statements = (
        stock_movements::insert(tenant, &movements, record),
        reservations::increase(tenant, back),
        level_counts::change(tenant, &changes),
    );
    send_in_transaction(connection, statements).await?;
    Ok(())
}

/// The warehouse and the units that a change shipped.
fn shipped(made: &[StockMovement]) -> Option<(WarehouseId, Demand)> {
    let shipments = made.iter().filter(|it| it.kind == MovementKind::Shipment);
    let warehouse_id = shipments.clone().next()?.warehouse_id;
    let units = shipments.map(|it| -> (ProductId, i32) { (it.product_id, -it.quantity) });
    Some((warehouse_id, Demand::from_lines(units).ok()?))
}
