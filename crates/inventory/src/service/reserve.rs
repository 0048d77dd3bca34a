//! Holding stock for orders.

use std::collections::BTreeSet;

use oms_database::{Connection, DbError, LockWait};
use oms_validation::{OrderId, TenantId};

use crate::domain::allocation::{ReservationRequest, ReserveOutcome, allocate, level_keys};
use crate::store::{reservations, stock_levels};

/// Holds stock for orders, in the order of the slice, and answers each: all of it, or nothing because it went stale.
///
/// Belongs into the caller's transaction, which keeps the locks until it ends. Roll back before routing again:
/// locks kept from one warehouse while waiting for another's are how deadlocks are made. Wait briefly where
/// others may need what is locked already; [`find_unlocked_levels`](crate::find_unlocked_levels) says when to try again.
///
/// # Errors
/// When the database fails or a lock can't be had in time; the transaction has to be rolled back.
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
    // A warehouse that was switched off while we waited for the locks holds nothing any more.
    let held: BTreeSet<OrderId> = reservations::insert(connection, tenant, &fitting).await?;
    for (request, outcome) in requests.iter().zip(&mut outcomes) {
        if !held.contains(&request.order_id) {
            *outcome = ReserveOutcome::Stale;
        }
    }
    Ok(outcomes)
}
