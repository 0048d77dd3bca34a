//! Ships units that a holder has reserved.

use oms_database::{Connection, DbError, send_in_transaction};
use oms_validation::TenantId;

use crate::domain::holding::HeldUnits;
use crate::domain::stock_level::LevelChange;
use crate::domain::stock_movement::{ChangeRecord, MovementKind};
use crate::stock_error::StockError;
use crate::store::{level_counts, reservations, stock_levels, stock_movements};

/// Ships units of a holder: they leave the stock on hand, the reserved stock and the holder's reservations, with one
/// movement per product. Runs in the caller's transaction, which has locked the holder (an order: its row).
///
/// # Errors
/// `NotReserved` if the holder has reserved fewer of any product in the warehouse; `AlreadyMade` if the change has
/// shipped one of the products before; or the database's error.
pub async fn ship(
    connection: &mut Connection,
    tenant: TenantId,
    shipped: HeldUnits<'_>,
    record: ChangeRecord<'_>,
) -> Result<(), StockError> {
    lock_reserved(connection, tenant, shipped).await?;
    let changes = shipped.changes(LevelChange {
        on_hand: -1,
        reserved: -1,
        ..LevelChange::default()
    });
    let movements = shipped.movements(MovementKind::Shipment, -1);
    let statements = (
        reservations::delete_exact(tenant, shipped),
        reservations::decrease(tenant, shipped),
        level_counts::change(tenant, &changes),
        stock_movements::insert(tenant, &movements, record),
    );
    let (deleted, decreased, _, _) = send_in_transaction(connection, statements).await?;
    all_taken(deleted + decreased, shipped)?;
    Ok(())
}

/// Locks the stock levels of units, and checks that their holder has reserved them.
pub(crate) async fn lock_reserved(
    connection: &mut Connection,
    tenant: TenantId,
    held: HeldUnits<'_>,
) -> Result<(), StockError> {
    let statements = (
        stock_levels::lock(tenant, &held.levels()),
        reservations::find(tenant, &[held.holder]),
    );
    let (_, reserved) = send_in_transaction(connection, statements).await?;
    held.check_reserved(&reserved)
        .map_err(StockError::NotReserved)
}

/// Checks that as many reservations were changed as were to be.
pub(crate) fn all_taken(changed: usize, held: HeldUnits<'_>) -> Result<(), DbError> {
    let expectation =
        "reservations change only under the locks of their levels and of their holder";
    DbError::unless_changed(changed == held.units.iter().count(), expectation)
}
