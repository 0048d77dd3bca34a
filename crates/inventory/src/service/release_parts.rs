//! Releases a part of the stock that a holder has reserved.

use std::collections::BTreeMap;

use oms_database::{Connection, send_in_transaction};
use oms_validation::TenantId;

use crate::domain::allocation::LevelKey;
use crate::domain::holding::HeldUnits;
use crate::domain::stock_level::LevelChange;
use crate::service::ship::{all_taken, lock_reserved};
use crate::stock_error::StockError;
use crate::store::{level_counts, reservations};

/// Releases units of holders, each holder and warehouse once: they leave the reserved stock and the reservations, and stay
/// in their warehouses. All levels are locked together, in key order. Runs in the caller's transaction, which has locked
/// the holders.
///
/// # Errors
/// `NotReserved` if a holder has reserved fewer of any product in a warehouse, or the database's error.
pub async fn release_parts(
    connection: &mut Connection,
    tenant: TenantId,
    parts: &[HeldUnits<'_>],
) -> Result<(), StockError> {
    if parts.is_empty() {
        return Ok(());
    }
    lock_reserved(connection, tenant, parts).await?;
    let mut changes: BTreeMap<LevelKey, LevelChange> = BTreeMap::new();
    for (level, quantity) in parts.iter().flat_map(HeldUnits::iter) {
        changes.entry(level).or_default().reserved -= quantity;
    }
    let statements = (
        reservations::delete_exact(tenant, parts),
        reservations::decrease(tenant, parts),
        level_counts::change(tenant, &changes),
    );
    let (deleted, decreased, _) = send_in_transaction(connection, statements).await?;
    all_taken(deleted + decreased, parts)?;
    Ok(())
}
