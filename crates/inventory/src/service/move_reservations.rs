//! Moves reserved units to another warehouse.

use oms_database::{Connection, send_in_transaction};
use oms_validation::TenantId;

use crate::domain::moving::{ReservationMove, SourceStock};
use crate::domain::stock_level::MAX_ON_HAND;
use crate::domain::stock_movement::ChangeRecord;
use crate::service::ship::all_taken;
use crate::stock_error::MoveError;
use crate::store::{level_counts, reservations, stock_levels, stock_movements, warehouses};

/// Moves reserved units of a holder to another warehouse, where they must be available, and changes the stock of the
/// warehouse that they leave as the move says. The levels of both are locked together, so no unit is ever reserved in
/// both or in neither. Runs in the caller's transaction, which has locked the holder.
///
/// # Errors
/// `Invalid` if the warehouses are the same or a count is out of range; `NotReserved`; `NotAvailable`;
/// `Insufficient` if a count leaves fewer units than others hold; or the database's error.
pub async fn move_reservations(
    connection: &mut Connection,
    tenant: TenantId,
    moved: ReservationMove<'_>,
    record: ChangeRecord<'_>,
) -> Result<(), MoveError> {
    let is_countable = |source: &SourceStock| match source {
        SourceStock::Count(counted) => (0..=MAX_ON_HAND).contains(counted),
        SourceStock::Keep
        | SourceStock::WriteOff
        | SourceStock::WriteOffAll
        | SourceStock::Quarantine => true,
    };
    if moved.from == moved.to || !moved.source.values().all(is_countable) {
        return Err(MoveError::Invalid);
    }
    let (leaving, arriving) = (moved.leaving(), moved.arriving());
    let reading = (
        stock_levels::lock(tenant, &moved.levels()),
        reservations::find(tenant, &[moved.holder]),
        level_counts::find(tenant, &leaving.levels()),
        warehouses::is_active(tenant, moved.to),
    );
    let (available, reserved, counts, is_active) = send_in_transaction(connection, reading).await?;
    leaving
        .check_reserved(&reserved)
        .map_err(MoveError::NotReserved)?;
    moved
        .check_available(&available, is_active)
        .map_err(MoveError::NotAvailable)?;
    let (changes, movements) = moved.plan(&counts).map_err(MoveError::Insufficient)?;
    let statements = (
        reservations::delete_exact(tenant, &[leaving]),
        reservations::decrease(tenant, &[leaving]),
        reservations::increase(tenant, arriving),
        level_counts::change(tenant, &changes),
        (!movements.is_empty()).then(|| stock_movements::insert(tenant, &movements, record)),
    );
    let (deleted, decreased, ..) = send_in_transaction(connection, statements).await?;
    all_taken(deleted + decreased, &[leaving])?;
    Ok(())
}
