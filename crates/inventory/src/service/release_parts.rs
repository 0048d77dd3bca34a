//! Releases a part of the stock that a holder has reserved.

use oms_database::{Connection, send_in_transaction};
use oms_validation::TenantId;

use crate::domain::holding::HeldUnits;
use crate::domain::stock_level::LevelChange;
use crate::service::ship::{all_taken, lock_reserved};
use crate::stock_error::StockError;
use crate::store::{level_counts, reservations};

/// Releases units of a holder: they leave the reserved stock and the holder's reservations, and stay in the warehouse.
/// Runs in the caller's transaction, which has locked the holder.
///
/// # Errors
/// `NotReserved` if the holder has reserved fewer of any product in the warehouse, or the database's error.
pub async fn release_parts(
    connection: &mut Connection,
    tenant: TenantId,
    released: HeldUnits<'_>,
) -> Result<(), StockError> {
    let parts = [released];
    lock_reserved(connection, tenant, &parts).await?;
    let changes = released.changes(LevelChange {
        reserved: -1,
        ..LevelChange::default()
    });
    let statements = (
        reservations::delete_exact(tenant, &parts),
        reservations::decrease(tenant, &parts),
        level_counts::change(tenant, &changes),
    );
    let (deleted, decreased, _) = send_in_transaction(connection, statements).await?;
    all_taken(deleted + decreased, &parts)?;
    Ok(())
}
