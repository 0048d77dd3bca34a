//! The work list of evacuations, for the worker that moves the open work.

use std::collections::BTreeSet;
use std::time::Duration;

use oms_database::{Connection, DbError};
use oms_validation::{OrderId, TenantId, WarehouseId};

use crate::domain::evacuation::{ClaimedEvacuation, EvacuatedOrder, Pass, WorkPosition};
use crate::domain::id::{EvacuationId, FulfilmentOrderId};
use crate::store::{Now, evacuation_work};

/// The tenants with an evacuation due, longest overdue first.
///
/// # Errors
/// When the database fails.
pub async fn find_evacuating_tenants(
    connection: &mut Connection,
    now: Now,
) -> Result<Vec<TenantId>, DbError> {
    let due = evacuation_work::find_due_tenants(connection, now).await?;
    Ok(due.into_iter().map(|due| due.tenant).collect())
}

/// Claims up to `limit` due evacuations of a tenant under a lease. Those that have moved and held nothing within the last
/// `quiet` time are marked.
///
/// # Errors
/// When the database fails.
pub async fn claim_evacuations(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    limit: usize,
    (lease, quiet): (Duration, Duration),
) -> Result<Vec<ClaimedEvacuation>, DbError> {
    evacuation_work::claim_due(connection, tenant, now, limit, (lease, quiet)).await
}

/// Returns the next open fulfilment orders of the warehouse: what is due first comes first. Those that the evacuation has
/// dealt with are missing.
///
/// # Errors
/// When the database fails.
pub async fn next_to_evacuate(
    connection: &mut Connection,
    tenant: TenantId,
    claimed: &ClaimedEvacuation,
    limit: usize,
) -> Result<Vec<WorkPosition>, DbError> {
    evacuation_work::find_next(connection, tenant, claimed, limit).await
}

/// Locks a claimed evacuation until the transaction ends. Returns `false` if a later claim took it, or if it was stopped:
/// then nothing may be moved for it. Lock the order before.
///
/// # Errors
/// When the database fails.
pub async fn lock_claimed_evacuation(
    connection: &mut Connection,
    tenant: TenantId,
    claimed: &ClaimedEvacuation,
) -> Result<bool, DbError> {
    evacuation_work::lock_claimed(connection, tenant, claimed).await
}

/// Records what a claimed evacuation did with a fulfilment order, in the transaction that did it.
///
/// # Errors
/// When the database fails.
pub async fn record_evacuated(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: EvacuationId,
    done: &EvacuatedOrder,
) -> Result<(), DbError> {
    evacuation_work::record(connection, tenant, now, id, done).await
}

/// Ends a turn, and makes the evacuation due again: immediately, or after `pause`. Changes nothing if a later claim took
/// it.
///
/// # Errors
/// When the database fails.
pub async fn end_turn(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    claimed: &ClaimedEvacuation,
    (pass, pause): (Pass, Duration),
) -> Result<(), DbError> {
    let (after, pause) = match pass {
        Pass::GoesOn(after) => (Some(after), Duration::ZERO),
        Pass::Over if !claimed.passed_over => (None, Duration::ZERO),
        Pass::Over | Pass::Waits => (None, pause),
    };
    let next = ClaimedEvacuation {
        after,
        passed_over: claimed.passed_over && after.is_some(),
        ..*claimed
    };
    evacuation_work::go_on(connection, tenant, now, &next, pause).await
}

/// Finishes an evacuation of which nothing is left. Returns `false` if it moved something within the last `quiet` time:
/// transactions that began before the warehouse was closed may still be in progress. Also if a later claim took it.
///
/// # Errors
/// When the database fails.
pub async fn finish_evacuation(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    claimed: &ClaimedEvacuation,
    quiet: Duration,
) -> Result<bool, DbError> {
    evacuation_work::finish(connection, tenant, now, claimed, quiet).await
}

/// The orders that have something left to send in a warehouse.
///
/// # Errors
/// When the database fails.
pub async fn find_orders_to_evacuate(
    connection: &mut Connection,
    tenant: TenantId,
    warehouse: WarehouseId,
) -> Result<BTreeSet<OrderId>, DbError> {
    evacuation_work::find_orders_to_evacuate(connection, tenant, warehouse).await
}

/// Whether the newest evacuation of a warehouse does not work on this fulfilment order any more: it is finished, or has put
/// it on hold. `false` if it is stopped.
///
/// # Errors
/// When the database fails.
pub async fn has_evacuated(
    connection: &mut Connection,
    tenant: TenantId,
    of: (WarehouseId, FulfilmentOrderId),
) -> Result<bool, DbError> {
    evacuation_work::has_evacuated(connection, tenant, of).await
}

/// The longest time for which an evacuation in progress has moved and held nothing. `None` if none is in progress.
///
/// # Errors
/// When the database fails.
pub async fn longest_standstill(
    connection: &mut Connection,
    now: Now,
) -> Result<Option<Duration>, DbError> {
    evacuation_work::longest_standstill(connection, now).await
}
