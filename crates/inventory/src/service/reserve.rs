//! Holding stock for orders.
//!
//! It belongs into the caller's transaction: [`lock_stock`], then [`allocate`], and, if every order can have what it wants,
//! [`hold_stock`]. The locks are kept until the transaction ends. Roll back before routing again: locks kept from one warehouse
//! while waiting for another's are how deadlocks are made. Wait briefly where others may need what is locked already;
//! [`find_unlocked_levels`](crate::find_unlocked_levels) says when to try again.

use std::collections::BTreeSet;

use oms_database::{Connection, DbError, Statement};
use oms_validation::{OrderId, TenantId};

use crate::domain::allocation::{
    LockedStock, ReservationRequest, ReserveOutcome, allocate, level_keys,
};
use crate::store::{reservations, stock_levels};

/// Locks the stock that orders want, in the order of its key.
pub fn lock_stock<'q>(
    tenant: TenantId,
    requests: &[ReservationRequest<'_>],
) -> Statement<'q, LockedStock> {
    stock_levels::lock(tenant, &level_keys(requests)).map(LockedStock)
}

/// Holds locked stock for orders that [`allocate`] has given all that they want.
///
/// Fails with [`DbError::NotAsExpected`] if a warehouse was switched off while the locks were waited for. Nothing is held
/// then, so that the COMMIT may be sent together with this.
pub fn hold_stock<'q>(tenant: TenantId, requests: &[ReservationRequest<'_>]) -> Statement<'q, ()> {
    let lines = requests.iter().map(|request| request.demand.iter().count());
    reservations::insert(tenant, requests, Some(lines.sum())).map(|_| ())
}

/// Holds stock for orders, in the order of the slice, and answers each: all of it, or nothing because it went stale.
///
/// # Errors
/// When the database fails or a lock can't be had in time; the transaction has to be rolled back.
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
    // A warehouse that was switched off while we waited for the locks holds nothing any more.
    let held = reservations::insert(tenant, &fitting, None).run(connection);
    let held: BTreeSet<OrderId> = held.await?;
    for (request, outcome) in requests.iter().zip(&mut outcomes) {
        if !held.contains(&request.order_id) {
            *outcome = ReserveOutcome::Stale;
        }
    }
    Ok(outcomes)
}
