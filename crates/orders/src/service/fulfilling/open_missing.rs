//! Makes the fulfilment orders agree with their orders where an earlier version of the program has changed the orders:
//! opens those of paid orders, and ends what is left of orders that have ended.

use std::collections::HashMap;
use std::error::Error;

use oms_database::{Connection, DbError, LockWait, transaction_within};
use oms_fulfilment::{find_fulfilment, find_opened, list_open_orders};
use oms_payments::{RefundActor, RefundEnd, RefundFailure, RefundState, list_refunds};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::actor::OPENER;
use crate::domain::authorship::Authorship;
use crate::domain::status::OrderStatus;
use crate::domain::suspicion::FoundOrder;
use crate::error::OrderError;
use crate::service::transitions::change_status::add_note;
use crate::service::transitions::open_fulfilment::open_late;
use crate::service::transitions::release_unsent::release_unsent;
use crate::service::transitions::settle_frozen::settle_frozen;
use crate::store::{orders, paid_orders, tenants};

/// Orders of each kind that one turn looks at, for each tenant.
const PAGE: usize = 500;

/// Orders whose fulfilment orders are opened in one transaction. After an upgrade there may be millions.
const TOGETHER: usize = 100;

/// How far the orders of each tenant were looked at. The first pass of a process looks at all paid orders, and again if
/// one of them failed; later passes look at recent ones only, which an older instance may still make `PAID`. Each pass
/// looks at all orders with something left to send: an older instance may end an order of any age.
#[derive(Debug, Default)]
pub struct OpeningPass(HashMap<TenantId, Positions>);

/// Positions in the paid orders, and in the orders with something left to send.
#[derive(Clone, Copy, Debug, Default)]
struct Positions {
    paid: Position,
    open: Position,
}

#[derive(Clone, Copy, Debug, Default)]
struct Position {
    after: Option<OrderId>,
    /// Whether a pass has looked at all orders.
    has_seen_all: bool,
    /// Whether an order of this pass failed.
    has_failed: bool,
}

impl Position {
    /// The order after which the next page of paid orders begins.
    async fn start_of_paid(
        &self,
        context: &OrderContext,
        connection: &mut Connection,
    ) -> Result<Option<OrderId>, DbError> {
        match (self.after, self.has_seen_all) {
            (None, true) => {
                let first = paid_orders::first_recent(connection, context.now()).await?;
                Ok(Some(first))
            }
            (after, _) => Ok(after),
        }
    }

    /// Continues after a page, or begins the next pass. Returns whether the pass continues.
    fn advance(&mut self, page: &[OrderId]) -> bool {
        if page.len() == PAGE {
            self.after = page.last().copied();
            return true;
        }
        *self = Self {
            has_seen_all: self.has_seen_all || !self.has_failed,
            ..Self::default()
        };
        false
    }
}

/// The result of one turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpeningTurn {
    /// Fulfilment orders that were opened.
    pub opened: u64,
    /// Orders whose remaining units were cancelled, or may be sent again.
    pub ended: u64,
    /// Orders and tenants that failed. The next pass looks at them again.
    pub failed: u64,
    /// Whether there are more orders to look at.
    pub more: bool,
}

/// Looks at a page of the orders of every tenant. Several instances may do so at the same time. An order or a tenant that
/// fails delays no other. Ends early when the program stops.
///
/// # Errors
/// If the database can't list the tenants. What was opened stays.
pub async fn open_missing(
    context: &OrderContext,
    pass: &mut OpeningPass,
) -> Result<OpeningTurn, OrderError> {
    let mut connection = context.database.acquire().await?;
    let tenants = tenants::list(&mut connection).await?;
    drop(connection);
    let mut turn = OpeningTurn::default();
    for tenant in tenants {
        let positions = pass.0.entry(tenant).or_default();
        for work in [Work::Open, Work::End] {
            if let Err(error) = look_at(context, tenant, work, positions, &mut turn).await {
                let cause: &dyn Error = &error;
                tracing::warn!(%tenant, cause, "the fulfilment orders of a tenant could not be looked at");
                turn.failed += 1;
            }
        }
    }
    Ok(turn)
}

/// What a page is looked at for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// Paid orders without a fulfilment order.
    Open,
    /// Fulfilment orders that nothing may be left of.
    End,
}

async fn look_at(
    context: &OrderContext,
    tenant: TenantId,
    work: Work,
    positions: &mut Positions,
    turn: &mut OpeningTurn,
) -> Result<(), OrderError> {
    let position = match work {
        Work::Open => &mut positions.paid,
        Work::End => &mut positions.open,
    };
    let (page, due) = find_due(context, tenant, work, *position).await?;
    // A panic leaves this, so that the next pass looks at all orders again.
    let had_failed = std::mem::replace(&mut position.has_failed, true);
    let before = position.after;
    position.after = page.last().copied().or(before);
    let mut failed = 0;
    let at_a_time = match work {
        Work::Open => TOGETHER,
        Work::End => 1,
    };
    let mut left: Vec<&[OrderId]> = due.chunks(at_a_time).rev().collect();
    while let Some(orders) = left.pop() {
        if context.stopping.is_cancelled() {
            position.after = before;
            return Ok(());
        }
        match mend(context, tenant, orders, work).await {
            Ok(mended) => match work {
                Work::Open => turn.opened += mended,
                Work::End => turn.ended += mended,
            },
            // One that fails, such as a locked one, delays no other.
            Err(_) if orders.len() > 1 => left.extend(orders.chunks(1).rev()),
            Err(error) => {
                let (cause, order_id): (&dyn Error, _) = (&error, orders[0]);
                tracing::warn!(%order_id, cause, "the fulfilment orders of an order could not be mended");
                failed += 1;
            }
        }
    }
    turn.failed += failed;
    position.has_failed = had_failed || failed > 0;
    turn.more |= position.advance(&page);
    Ok(())
}

/// Returns a page of orders, and those of them that seem to need work.
async fn find_due(
    context: &OrderContext,
    tenant: TenantId,
    work: Work,
    position: Position,
) -> Result<(Vec<OrderId>, Vec<OrderId>), OrderError> {
    let mut connection = context.database.acquire().await?;
    let connection = &mut connection;
    match work {
        Work::Open => {
            let after = position.start_of_paid(context, connection).await?;
            let page = paid_orders::list_all(connection, tenant, after, PAGE).await?;
            let opened = find_opened(connection, tenant, &page).await?;
            let due = page.iter().filter(|id| !opened.contains(id)).copied();
            let due = due.collect();
            Ok((page, due))
        }
        Work::End => {
            let open = list_open_orders(connection, tenant, position.after, PAGE).await?;
            let page: Vec<OrderId> = open.iter().map(|it| it.order_id).collect();
            let found = paid_orders::find_statuses(connection, tenant, &page).await?;
            let frozen = open.iter().filter(|it| it.has_frozen);
            let frozen: Vec<OrderId> = frozen.map(|it| it.order_id).collect();
            let is_due = |it: &&FoundOrder| is_left_behind(it.status, frozen.contains(&it.id));
            let due = found.iter().filter(is_due).map(|it| it.id).collect();
            Ok((page, due))
        }
    }
}

/// Whether an earlier version of the program has left an order in this status with an open fulfilment order.
fn is_left_behind(status: OrderStatus, has_frozen: bool) -> bool {
    match status {
        OrderStatus::Paid => has_frozen,
        OrderStatus::Failed | OrderStatus::Cancelled | OrderStatus::Refunded => true,
        OrderStatus::PendingPayment
        | OrderStatus::Cancelling
        | OrderStatus::Refunding
        | OrderStatus::Other(_) => false,
    }
}

/// Opens the fulfilment orders of these orders, or ends those of one order, in one transaction. Returns for how many orders
/// something was done.
async fn mend(
    context: &OrderContext,
    tenant: TenantId,
    order_ids: &[OrderId],
    work: Work,
) -> Result<u64, OrderError> {
    let mut connection = context.database.acquire().await?;
    let now = context.now();
    let mending = transaction_within(&mut connection, LockWait::Brief, async |connection| {
        if work == Work::Open {
            let paid = orders::lock_paid(connection, tenant, order_ids).await?;
            return Ok(open_late(connection, tenant, now, &paid, OPENER).await?);
        }
        let mut ended = 0;
        for order_id in order_ids {
            let status = orders::lock_status(connection, tenant, *order_id).await?;
            if let Some(status) = status {
                ended += u64::from(end(context, connection, tenant, *order_id, status).await?);
            }
        }
        Ok(ended)
    });
    mending.await
}

/// Ends what an earlier version of the program has left of a locked order.
async fn end(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    status: OrderStatus,
) -> Result<bool, OrderError> {
    let now = context.now();
    let found = find_fulfilment(connection, tenant, now, order_id).await?;
    let mut open = found
        .fulfilment_orders
        .iter()
        .filter(|order| order.is_open());
    let (has_open, has_frozen) = (
        open.clone().next().is_some(),
        open.any(|order| !order.frozen().is_empty()),
    );
    if !has_open || !is_left_behind(status, has_frozen) {
        return Ok(false);
    }
    let reason = match status {
        OrderStatus::Paid => {
            let end = end_of_newest_refund(connection, tenant, order_id).await?;
            settle_frozen(connection, tenant, now, order_id, &end, OPENER).await?;
            match end {
                RefundEnd::Refunded => "units whose money was refunded are cancelled",
                RefundEnd::Failed(_) => "units whose money was not refunded may be sent again",
            }
        }
        _ => {
            release_unsent(connection, tenant, now, order_id, OPENER).await?;
            "what was not sent is cancelled: the order had ended"
        }
    };
    let authorship = Authorship {
        actor: OPENER,
        reason,
    };
    add_note(connection, tenant, now, order_id, authorship).await?;
    Ok(true)
}

/// How the refund ended for which units of a paid order were frozen.
async fn end_of_newest_refund(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<RefundEnd, OrderError> {
    let refunds = list_refunds(connection, tenant, order_id).await?;
    let mut ours = refunds
        .iter()
        .filter(|refund| refund.actor == RefundActor::Oms);
    let newest = ours.next_back();
    Ok(match newest.map(|refund| refund.state) {
        Some(RefundState::Refunded) => RefundEnd::Refunded,
        Some(RefundState::Failed) | None => RefundEnd::Failed(RefundFailure::new("")),
        Some(RefundState::Pending | RefundState::Other(_)) => {
            let unexpected = DbError::UnexpectedState("a paid order has no pending refund");
            return Err(unexpected.into());
        }
    })
}
