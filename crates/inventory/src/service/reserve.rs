//! Holds stock for orders.

use std::collections::BTreeSet;

use oms_database::{Connection, DbError, LockWait};
use oms_validation::{OrderId, TenantId};

use crate::domain::allocation::{ReservationRequest, ReserveOutcome, allocate, level_keys};
use crate::store::{reservations, stock_levels};

/// Holds stock for orders in the sequence of the slice. Each order gets its whole demand, or nothing if its route is
/// stale.
///
/// Runs in the caller's transaction, which keeps the locks until it ends. Roll back before routing again, because
/// keeping the locks of one warehouse while waiting for those of another causes deadlocks. Use a short wait if others
/// may need the rows that are already locked; [`find_unlocked_levels`](crate::find_unlocked_levels) shows when to
/// retry.
///
/// # Errors
/// When the database fails or a lock times out. The transaction must then be rolled back.
pub async fn reserve(
    connection: &mut Connection,
    tenant: TenantId,
    requests: &[ReservationRequest<'_>],
    wait: LockWait,
) -> Result<Vec<ReserveOutcome>, DbError> {
    let keys = level_keys(requests);
    let available = stock_levels::lock(connection, tenant, &keys, wait).await?;
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
    let held: BTreeSet<OrderId> = reservations::insert(connection, tenant, &fitting).await?;
    for (request, outcome) in requests.iter().zip(&mut outcomes) {
        if !held.contains(&request.order_id) {
            *outcome = ReserveOutcome::Stale;
        }
    }
    Ok(outcomes)
}
