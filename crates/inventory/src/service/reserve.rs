//! Holding stock for orders.

use std::collections::BTreeSet;

use oms_database::{Connection, DbError};
use oms_validation::{OrderId, TenantId};

use crate::domain::allocation::{ReservationRequest, ReserveOutcome, allocate, level_keys};
use crate::store::{reservations, stock_levels};

/// Holds stock for orders, in the order of the slice, and answers each: all of it, or nothing because it went stale.
///
/// Belongs into the caller's transaction, which keeps the locks until it ends. Roll back before routing again:
/// locks kept from one warehouse while waiting for another's are how deadlocks are made.
///
/// # Errors
/// When the database fails or a lock can't be had in time; the transaction has to be rolled back.
pub async fn reserve(
    connection: &mut Connection,
    tenant: TenantId,
    requests: &[ReservationRequest<'_>],
) -> Result<Vec<ReserveOutcome>, DbError> {
    let available = stock_levels::lock(connection, tenant, &level_keys(requests)).await?;
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
