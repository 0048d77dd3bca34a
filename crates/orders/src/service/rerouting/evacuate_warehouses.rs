//! The turns of the worker that evacuates warehouses.

use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use oms_database::transaction;
use oms_fulfilment::{
    ClaimedEvacuation, EvacuationOutcome, Pass, claim_evacuations, end_turn,
    find_evacuating_tenants, find_orders_to_evacuate, finish_evacuation, longest_standstill,
    next_to_evacuate,
};
use oms_inventory::{HolderId, has_other_holders, reopen_warehouse};
use oms_validation::TenantId;
use oms_work::{Batch, WorkList, turn};

use crate::context::OrderContext;
use crate::error::OrderError;
use crate::service::rerouting::evacuate_order::evacuate_order;
use crate::service::transitions::abort::{Abort, Lost, unless_lost};

/// Maximum number of evacuations of a tenant claimed together.
const BATCH: usize = 4;

/// Fulfilment orders of each evacuation in one turn, each in a transaction of its own.
const ORDERS: usize = 20;

/// How long a worker's claim on an evacuation lasts. Longer than moving its fulfilment orders takes.
const LEASE: Duration = Duration::from_secs(300);

/// The time before the next look, when a pass found nothing or passed over something.
const PAUSE: Duration = Duration::from_secs(10);

/// How long an evacuation must have found nothing before it is finished. Longer than a transaction that routed an order
/// before the warehouse was closed can last.
const QUIET: Duration = Duration::from_secs(60);

/// What a turn did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EvacuationTurn {
    /// Fulfilment orders that went to other warehouses.
    pub moved: u64,
    /// Fulfilment orders that were put on hold.
    pub held: u64,
    /// Fulfilment orders that could not be worked on, and are tried again.
    pub failed: u64,
    /// Whether more is due.
    pub more: bool,
}

/// Works on the evacuations that are due. Call it again while `more` is true. Several instances may call it at the same
/// time.
///
/// # Errors
/// If the database can't list what is due. An evacuation that fails is due again when its lease ends, and delays no
/// other.
pub async fn evacuate_warehouses(context: &OrderContext) -> Result<EvacuationTurn, OrderError> {
    let turn = turn(&DueEvacuations(context), &context.stopping).await?;
    let mut done = EvacuationTurn::default();
    for one in turn.outcomes {
        done.moved += one.moved;
        done.held += one.held;
        done.failed += one.failed;
        done.more |= one.more;
    }
    Ok(done)
}

/// The longest time for which an evacuation in progress has neither moved nor held anything. `None` if none is in
/// progress.
///
/// # Errors
/// If the database does not answer.
pub async fn measure_evacuations(context: &OrderContext) -> Result<Option<Duration>, OrderError> {
    let mut connection = context.database.acquire().await?;
    Ok(longest_standstill(&mut connection, context.now()).await?)
}

/// The evacuations in progress.
struct DueEvacuations<'a>(&'a OrderContext);

#[async_trait]
impl WorkList for DueEvacuations<'_> {
    type Entry = ClaimedEvacuation;
    type Outcome = EvacuationTurn;
    type Error = OrderError;

    const ENTRIES: &'static str = "evacuations";

    async fn find_due_tenants(&self) -> Result<Vec<TenantId>, OrderError> {
        let mut connection = self.0.database.acquire().await?;
        Ok(find_evacuating_tenants(&mut connection, self.0.now()).await?)
    }

    fn tenants_meanwhile(&self) -> Vec<TenantId> {
        self.0.tenants_meanwhile()
    }

    async fn claim(&self, tenant: TenantId) -> Result<Batch<ClaimedEvacuation>, OrderError> {
        let mut connection = self.0.database.acquire().await?;
        let now = self.0.now();
        let claimed =
            claim_evacuations(&mut connection, tenant, now, BATCH, (LEASE, QUIET)).await?;
        Ok(Batch::of(claimed, BATCH))
    }

    async fn work(&self, tenant: TenantId, claimed: &ClaimedEvacuation) -> EvacuationTurn {
        match evacuate(self.0, tenant, claimed).await {
            Ok(done) => done,
            Err(error) => {
                let cause: &dyn Error = &error;
                tracing::warn!(%tenant, evacuation_id = %claimed.id, cause, "an evacuation was interrupted");
                EvacuationTurn::default()
            }
        }
    }

    async fn postpone_panicked(&self, _: TenantId, _: &ClaimedEvacuation) -> EvacuationTurn {
        // The lease postpones it.
        EvacuationTurn::default()
    }
}

/// Works on the next fulfilment orders of an evacuation, one after the other.
async fn evacuate(
    context: &OrderContext,
    tenant: TenantId,
    claimed: &ClaimedEvacuation,
) -> Result<EvacuationTurn, OrderError> {
    let mut connection = context.database.acquire().await?;
    let next = next_to_evacuate(&mut connection, tenant, claimed, ORDERS).await?;
    drop(connection);
    let (mut done, mut claimed) = (EvacuationTurn::default(), *claimed);
    for position in &next {
        if context.stopping.is_cancelled() {
            break;
        }
        // A defect that one fulfilment order triggers must not keep the others in the warehouse.
        let evacuating = AssertUnwindSafe(evacuate_order(context, tenant, &claimed, position.1));
        match evacuating.catch_unwind().await {
            Ok(Ok(Some(EvacuationOutcome::Moved))) => done.moved += 1,
            Ok(Ok(Some(_))) => done.held += 1,
            Ok(Ok(None)) => {}
            Ok(Err(error)) => {
                let cause: &dyn Error = &error;
                tracing::warn!(%tenant, fulfilment_order_id = %position.1, cause, "a fulfilment order could not be evacuated");
                done.failed += 1;
            }
            Err(_) => {
                tracing::error!(%tenant, fulfilment_order_id = %position.1, "evacuating a fulfilment order panicked");
                done.failed += 1;
            }
        }
        claimed.after = Some(*position);
    }
    claimed.passed_over |= done.failed > 0;
    let pass = match claimed.after {
        // Stopping: what was not worked on comes after this one.
        Some(last) if next.len() == ORDERS || context.stopping.is_cancelled() => Pass::GoesOn(last),
        Some(_) => Pass::Over,
        None => {
            if finish(context, tenant, &claimed).await? {
                return Ok(done);
            }
            Pass::Waits
        }
    };
    done.more = matches!(pass, Pass::GoesOn(_)) || pass == Pass::Over && !claimed.passed_over;
    let mut connection = context.database.acquire().await?;
    let (now, end) = (context.now(), (pass, PAUSE));
    end_turn(&mut connection, tenant, now, &claimed, end).await?;
    Ok(done)
}

/// Finishes an evacuation of which nothing is left: all stock in its warehouse is held for what is on hold there. An
/// unpaid order may hold some, and gets its fulfilment order once it is paid. Returns `false` if something is left, or
/// may be.
async fn finish(
    context: &OrderContext,
    tenant: TenantId,
    claimed: &ClaimedEvacuation,
) -> Result<bool, OrderError> {
    if !claimed.is_quiet {
        return Ok(false);
    }
    let warehouse = claimed.warehouse_id;
    let mut connection = context.database.acquire().await?;
    let finished = transaction(&mut connection, async |connection| {
        // In this order: an order that is paid in between holds stock and is not among the open ones.
        let open = find_orders_to_evacuate(connection, tenant, warehouse).await?;
        let open = open.into_iter().map(HolderId::from).collect();
        if has_other_holders(connection, tenant, warehouse, &open).await? {
            return Err(Abort::<Lost, OrderError>::LOST);
        }
        let next = next_to_evacuate(connection, tenant, claimed, 1).await?;
        if !next.is_empty() {
            return Err(Abort::LOST);
        }
        // The warehouse first, as everywhere.
        reopen_warehouse(connection, tenant, warehouse, claimed.id.as_uuid()).await?;
        match finish_evacuation(connection, tenant, context.now(), claimed, QUIET).await? {
            true => Ok(()),
            false => Err(Abort::LOST),
        }
    });
    let finished = unless_lost(finished.await)?.is_some();
    if finished {
        tracing::info!(%tenant, %warehouse, evacuation_id = %claimed.id, "a warehouse was evacuated");
    }
    Ok(finished)
}
