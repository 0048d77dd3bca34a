//! Holds stock for orders.
//!
//! The steps run in the caller's transaction: [`lock_stock`], then [`allocate`], and [`hold_stock`] if every order can
//! have all its units. The locks last until the transaction ends. Roll back before routing again: waiting for another
//! warehouse's locks while holding those of the first can deadlock. Use a short lock timeout if other transactions may
//! need the stock that is already locked; [`find_unlocked_levels`](crate::find_unlocked_levels) shows when to try
//! again.

use std::collections::BTreeSet;

use oms_database::{Connection, DbError, Statement};
use oms_validation::TenantId;

use crate::domain::allocation::{
    LockedStock, ReservationRequest, ReserveOutcome, allocate, level_keys,
};
use crate::domain::id::HolderId;
use crate::store::{reservations, stock_levels};

/// Returns a statement that locks the stock levels that orders request, in key order.
pub fn lock_stock<'q>(
    tenant: TenantId,
    requests: &[ReservationRequest<'_>],
) -> Statement<'q, LockedStock> {
    stock_levels::lock(tenant, &level_keys(requests)).map(LockedStock)
}

/// Returns a statement that holds locked stock for orders to which [`allocate`] has allocated all requested units.
///
/// It fails with [`DbError::NotAsExpected`] if a warehouse was deactivated during the wait for the locks. The
/// transaction is then rolled back, so the COMMIT may be sent together with this statement.
pub fn hold_stock<'q>(tenant: TenantId, requests: &[ReservationRequest<'_>]) -> Statement<'q, ()> {
    let lines = requests.iter().map(|request| request.demand.iter().count());
    reservations::insert(tenant, requests, Some(lines.sum())).map(|_| ())
}

/// Holds stock for orders, in the order of the slice. Returns each order's outcome: all its units are held, or none
/// because its route is stale.
///
/// # Errors
/// When the database fails or a lock times out. The transaction must then be rolled back.
pub async fn reserve(
    connection: &mut Connection,
    tenant: TenantId,
    requests: &[ReservationRequest<'_>],
) -> Result<Vec<ReserveOutcome>, DbError> {
    let available = lock_stock(tenant, requests).run(connection).await?;
    let mut outcomes = allocate(available, requests);
    let fitting: Vec<_> = requests
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| **outcome == ReserveOutcome::Reserved)
        .map(|(request, _)| *request)
        .collect();
    if fitting.is_empty() {
        return Ok(outcomes);
    }
    // A warehouse may have been deactivated during the wait for the locks; it must not get new reservations.
    let held = reservations::insert(tenant, &fitting, None).run(connection);
    let held: BTreeSet<HolderId> = held.await?;
    for (request, outcome) in requests.iter().zip(&mut outcomes) {
        if !held.contains(&request.holder) {
            *outcome = ReserveOutcome::Stale;
        }
    }
    Ok(outcomes)
}
