//! Phase 3 of orders whose payment was collected by their request: `PAID`, in a commit shared with other waiting
//! orders. Makes the same changes as [`end_order`](super::end_order).

use std::convert::Infallible;
use std::sync::Arc;

use oms_batching::{Answer, Batch, Turn, Work};
use oms_database::{Connection, DbError, LockWait, Transaction, transaction_within};
use oms_fulfilment::{NewFulfilmentOrder, open_fulfilment_orders};
use oms_payments::{ClosedAttempt, close_attempts, closing_all, save_calls};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::context::batches::EndPaid;
use crate::error::OrderError;
use crate::service::transitions::abort::{Abort, unless_lost};
use crate::service::transitions::change_status::change_statuses;
use crate::service::transitions::end_order::{Ending, PAID_REASON};
use crate::service::transitions::open_fulfilment::open_all;
use crate::service::transitions::proof::Proof;
use crate::service::transitions::worklist::take_off;
use crate::store::reconciliations;

/// An order whose payment was collected.
pub(crate) struct PaidOrder {
    pub(crate) order_id: OrderId,
    pub(crate) proof: Proof,
    /// The actor that settles it.
    pub(crate) actor: String,
    /// What its warehouse has to send.
    pub(crate) sends: NewFulfilmentOrder,
}

impl PaidOrder {
    fn ended_by(&self) -> (OrderId, &str) {
        (self.order_id, &self.actor)
    }
}

/// Settles an order as paid by compare-and-set. Returns `false` if another request or worker was first; then only the
/// history of gateway calls was changed.
pub(crate) async fn end_paid_order(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    paid: PaidOrder,
) -> Result<bool, OrderError> {
    let (paid, work) = (Arc::new(paid), EndPaid(context.clone()));
    let payments = &context.batches.payments;
    let submitted = payments.submit(tenant, paid.clone(), &work).await;
    let ended = submitted.map_err(OrderError::from).flatten();
    if !matches!(ended, Ok(true)) {
        save_calls(&context.database, tenant, &paid.proof.calls).await;
    }
    ended
}

impl Work for EndPaid {
    type Key = TenantId;
    type Item = PaidOrder;
    type Output = bool;
    type Error = OrderError;
    type Blocker = Infallible;

    async fn run(
        &self,
        tenant: TenantId,
        batch: Batch<Self>,
    ) -> Result<Vec<Answer<bool, Infallible>>, OrderError> {
        let wait = match batch.turn {
            Turn::Together | Turn::Alone => LockWait::Brief,
            Turn::Patient => LockWait::Session,
        };
        let ended = end_paid_orders(&self.0, tenant, &batch.items, wait).await?;
        Ok(ended.into_iter().map(Answer::Done).collect())
    }
}

/// Settles all orders that are still open, or none.
async fn end_paid_orders(
    context: &OrderContext,
    tenant: TenantId,
    paid: &[Arc<PaidOrder>],
    wait: LockWait,
) -> Result<Vec<bool>, OrderError> {
    let mut connection = context.database.acquire().await?;
    match end_all(context, &mut connection, tenant, paid, wait).await {
        Ok(()) => Ok(vec![true; paid.len()]),
        Err(DbError::NotAsExpected) => {
            end_those_left(context, &mut connection, tenant, paid, wait).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Settles all orders in one round trip. Fails with `NotAsExpected` if another request or worker has settled one of
/// them or left it to an operator.
async fn end_all(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    paid: &[Arc<PaidOrder>],
    wait: LockWait,
) -> Result<(), DbError> {
    let (now, all) = (context.now(), Some(paid.len()));
    let enders: Vec<(OrderId, &str)> = paid.iter().map(|it| it.ended_by()).collect();
    let transition = Ending::Paid.transition();
    let change = change_statuses(tenant, now, &enders, &transition, PAID_REASON, all);
    let ids: Vec<OrderId> = paid.iter().map(|it| it.order_id).collect();
    let take_off = reconciliations::delete(tenant, &ids, all);
    let closed: Vec<ClosedAttempt<'_>> = paid.iter().map(|it| it.proof.closed()).collect();
    let close = closing_all(tenant, &closed);
    let sends: Vec<NewFulfilmentOrder> = paid.iter().map(|it| it.sends.clone()).collect();
    let (open, lines) = open_fulfilment_orders(tenant, now, &sends);
    let transaction = Transaction::new(connection, wait);
    let steps = (change, take_off, close, open, lines);
    transaction.commit_with(steps).await?;
    Ok(())
}

/// Settles the orders that are still open.
async fn end_those_left(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    paid: &[Arc<PaidOrder>],
    wait: LockWait,
) -> Result<Vec<bool>, OrderError> {
    let now = context.now();
    let enders: Vec<(OrderId, &str)> = paid.iter().map(|it| it.ended_by()).collect();
    let ended = transaction_within(connection, wait, async |connection| {
        let transition = Ending::Paid.transition();
        let change = change_statuses(tenant, now, &enders, &transition, PAID_REASON, None);
        let ended = change.run(connection).await?;
        if ended.is_empty() {
            return Err(Abort::LOST);
        }
        let won: Vec<&PaidOrder> = paid
            .iter()
            .map(AsRef::as_ref)
            .filter(|it: &&PaidOrder| ended.contains(&it.order_id))
            .collect();
        let winners: Vec<(OrderId, &str)> = won.iter().map(|it| it.ended_by()).collect();
        take_off(connection, tenant, now, &winners).await?;
        let sends: Vec<NewFulfilmentOrder> = won.iter().map(|it| it.sends.clone()).collect();
        open_all(connection, tenant, now, &sends).await?;
        let closed: Vec<ClosedAttempt<'_>> = won.iter().map(|it| it.proof.closed()).collect();
        // If an attempt was changed by others, the transaction is rolled back with all of its orders, which are then
        // settled one at a time.
        match close_attempts(connection, tenant, &closed).await?.len() == won.len() {
            true => Ok(ended),
            false if won.len() == 1 => Err(Abort::LOST),
            false => Err(Abort::Failed(OrderError::Contended)),
        }
    });
    let ended = unless_lost(ended.await)?.unwrap_or_default();
    Ok(enders.iter().map(|(id, _)| ended.contains(id)).collect())
}
