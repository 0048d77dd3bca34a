//! Phase 1 of the waiting orders, in one transaction. Equivalent to placing them one at a time in arrival order; a
//! failing order never affects the others. An order whose stock is locked leaves the batch and returns when the stock
//! is free.

mod bounds;
mod draft;
mod held;
mod outcomes;
mod price;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use oms_batching::{Answer, Batch, BatchError, Turn, Work};
use oms_database::{Connection, DbError, LockWait, Transaction};
use oms_fulfilment::open_fulfilment_orders;
use oms_inventory::{
    ReservationRequest, ReserveOutcome, allocate, find_unlocked_levels, hold_stock, lock_stock,
    route_together,
};
use oms_payments::{Attempt, recording};
use oms_validation::{IdempotencyKey, OrderId, TenantId};

use crate::context::OrderContext;
use crate::context::batches::Arrivals;
use crate::domain::bounds::Exceeded;
use crate::error::{OrderError, PlacingError};
use crate::service::placing::intake::{Arrival, Intake, Outcome};
use crate::service::reading::get_order::{OrderDetails, get_order};
use crate::service::transitions::abort::Abort;
use crate::service::transitions::open_fulfilment::to_send_of;
use crate::store::{adjustments, orders, placements};
use draft::{Draft, Level, drafts, placements_of, reservations_of};
use held::held_levels;
use outcomes::Outcomes;
use price::{Priced, look_at, price};

/// The reason in the first event of an order.
const PLACED_REASON: &str = "the order was placed and its stock is held";

/// Maximum number of times that orders are routed, if stock runs out before it is held, or keys are taken.
const MAX_ROUTINGS: usize = 5;

/// The outcome of an order, or the stock that it must wait for.
type Placed = Answer<Outcome, Level>;

impl Work for Arrivals {
    type Key = TenantId;
    type Item = Arrival;
    type Output = Outcome;
    type Error = OrderError;
    type Blocker = Level;

    async fn run(&self, tenant: TenantId, batch: Batch<Self>) -> Result<Vec<Placed>, OrderError> {
        let way = Way {
            wait: match batch.turn {
                Turn::Together | Turn::Alone => LockWait::Brief,
                Turn::Patient => LockWait::Session,
            },
            held: batch.held,
        };
        place_together(&self.0, tenant, &batch.items, way).await
    }

    async fn freed(&self, tenant: TenantId, levels: Vec<Level>) -> Vec<Level> {
        let levels = levels.into_iter().collect();
        let freed = async {
            let mut connection = self.0.database.acquire().await?;
            find_unlocked_levels(&mut connection, tenant, &levels).await
        };
        match freed.await {
            Ok(freed) => freed.into_iter().collect(),
            Err(error) => {
                let cause: &dyn std::error::Error = &error;
                tracing::debug!(cause, "the stock that orders wait for can't be read");
                Vec::new()
            }
        }
    }
}

/// How orders are placed.
struct Way {
    /// How long to wait for locks of other transactions.
    wait: LockWait,
    /// The stock that earlier orders are waiting for.
    held: HashSet<Level>,
}

/// Places orders. On error none was placed.
async fn place_together(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    arrivals: &[Arc<Arrival>],
    mut way: Way,
) -> Result<Vec<Placed>, OrderError> {
    let mut runs = runs_of_distinct_keys(arrivals).into_iter();
    let first = runs.next().unwrap_or_default();
    let mut placed = place_all(context, tenant, first, &way).await?;
    // Some orders are placed by now, so no later error may fail the whole batch.
    for run in runs {
        way.held.extend(placed.iter().filter_map(Answer::blocker));
        match place_all(context, tenant, run, &way).await {
            Ok(more) => placed.extend(more),
            Err(error) => placed.extend(place_each(context, tenant, run, &way, error).await),
        }
    }
    Ok(placed)
}

/// Places orders one at a time after a batch of them failed, unless each would fail for the same reason.
async fn place_each(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    arrivals: &[Arc<Arrival>],
    way: &Way,
    error: OrderError,
) -> Vec<Placed> {
    let mut outcomes = Vec::with_capacity(arrivals.len());
    for arrival in arrivals.chunks(1) {
        match error.shared() {
            Some(error) => outcomes.push(Answer::Done(Err(error.into()))),
            None => {
                let placed = place_all(context, tenant, arrival, way).await;
                outcomes
                    .extend(placed.unwrap_or_else(|error| vec![Answer::Done(Err(error.into()))]));
            }
        }
    }
    outcomes
}

/// Splits orders into runs without a repeated key: the second order of a key must find the outcome of the first.
fn runs_of_distinct_keys(arrivals: &[Arc<Arrival>]) -> Vec<&[Arc<Arrival>]> {
    let (mut runs, mut rest) = (Vec::new(), arrivals);
    while !rest.is_empty() {
        let mut keys = HashSet::new();
        let distinct = rest.iter().take_while(|arrival| keys.insert(&arrival.key));
        let (run, later) = rest.split_at(distinct.count());
        runs.push(run);
        rest = later;
    }
    runs
}

/// Why a transaction of phase 1 was rolled back.
enum Undone {
    /// The keys of these orders belong to others.
    KeysTaken(HashSet<OrderId>),
    /// The customers of these orders, by arrival index, have reached a limit.
    Exceeded(HashMap<usize, Exceeded>),
    /// The stock of an order ran out since it was routed.
    Stale,
    /// The stock of an order is locked by another transaction.
    Held,
}

/// Places orders with distinct keys. On error none was placed.
async fn place_all(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    arrivals: &[Arc<Arrival>],
    way: &Way,
) -> Result<Vec<Placed>, OrderError> {
    let mut admission = context.admit().await?;
    let connection = &mut admission.connection;
    let mut outcomes = Outcomes::of(arrivals.len());
    let (seen, quotes, nearest) = look_at(connection, tenant, context.now(), arrivals).await?;
    let mut nearest = Some(nearest);
    let mut open = outcomes.keep_priced(price(context, arrivals, &quotes));
    outcomes.keep_current(arrivals, &seen, &mut open);
    let exceeded = bounds::refused_early(context, connection, tenant, &open).await?;
    refuse_exceeding(connection, tenant, &mut outcomes, &mut open, &exceeded).await?;
    // An order that waits patiently must not hold anything while it waits for stock.
    let mut look = !way.held.is_empty() || way.wait == LockWait::Session;
    let (mut routings, mut last) = (0, OrderError::Contended);
    while routings < MAX_ROUTINGS {
        let requests: Vec<_> = open.iter().map(Priced::routing_request).collect();
        // Valid only in the first round, and only if no order was dropped.
        let nearest = nearest.take().filter(|_| open.len() == arrivals.len());
        let routes = route_together(connection, tenant, &requests, nearest).await?;
        let (drafts, refused) = drafts(context, &open, routes);
        if std::mem::take(&mut look) {
            let held = held_levels(connection, tenant, &drafts, &way.held).await?;
            if !held.is_empty() {
                // The other orders are routed as if these had not arrived yet.
                outcomes.wait(&held);
                open.retain(|priced| !held.contains_key(&priced.index));
                look = true;
                continue;
            }
        }
        routings += 1;
        let known = known_keys(connection, tenant, &refused).await?;
        match place(context, connection, tenant, &drafts, way.wait).await {
            Ok(placed) => {
                let unpaid = drafts.iter().filter(|draft| draft.attempt.is_some());
                let (orders, units) = unpaid.fold((0, 0), |(orders, units), draft| {
                    (orders + 1, units + draft.units())
                });
                context.bounds.add_unpaid(tenant, orders, units);
                outcomes.placed(drafts, placed);
                outcomes.refused(&refused, &known, |_| PlacingError::NoSingleWarehouse);
                return Ok(outcomes.into_all());
            }
            Err(Abort::Undo(Undone::KeysTaken(taken))) => {
                let taken: HashSet<usize> = drafts
                    .iter()
                    .filter(|draft| taken.contains(&draft.order.id))
                    .map(|draft| draft.index)
                    .collect();
                outcomes.keys_taken(&taken);
                open.retain(|priced| !taken.contains(&priced.index));
            }
            Err(Abort::Undo(Undone::Exceeded(exceeded))) => {
                drop(drafts);
                refuse_exceeding(connection, tenant, &mut outcomes, &mut open, &exceeded).await?;
            }
            Err(Abort::Undo(Undone::Stale)) => last = OrderError::Contended,
            Err(Abort::Undo(Undone::Held)) => {
                look = true;
                last = DbError::LockTimeout.into();
            }
            // A deadlock between our own statements would be a bug, but one with a hand-written statement can happen.
            Err(Abort::Failed(DbError::Deadlock)) if open.len() == 1 => {}
            Err(Abort::Failed(DbError::CommitOutcomeUnknown(cause))) => {
                tracing::warn!(
                    orders = drafts.len(),
                    cause,
                    "the answer to COMMIT was lost"
                );
                outcomes.refused(&refused, &known, |_| OrderError::Contended.into());
                drop(admission);
                let found = drafts
                    .iter()
                    .map(|draft| read_back(context, tenant, draft.order.id));
                outcomes.read_back(&drafts, join_all(found).await);
                return Ok(outcomes.into_all());
            }
            Err(Abort::Failed(error)) => return Err(error.into()),
        }
    }
    Err(last)
}

/// Refuses the orders that exceed a limit, by arrival index, and continues with the others. If the key of a refused
/// order is taken by now, that order is the answer: a duplicate of the request may have used up the limit.
async fn refuse_exceeding(
    connection: &mut Connection,
    tenant: TenantId,
    outcomes: &mut Outcomes,
    open: &mut Vec<Priced<'_>>,
    exceeded: &HashMap<usize, Exceeded>,
) -> Result<(), DbError> {
    let refused = open.iter().filter(|it| exceeded.contains_key(&it.index));
    let refused: Vec<&Priced<'_>> = refused.collect();
    let known = known_keys(connection, tenant, &refused).await?;
    outcomes.refused(&refused, &known, |index| exceeded[&index].into());
    open.retain(|priced| !exceeded.contains_key(&priced.index));
    Ok(())
}

/// The keys of refused orders that are taken by now: a duplicate of the request may have placed this very order and
/// taken the last of the stock.
async fn known_keys(
    connection: &mut Connection,
    tenant: TenantId,
    refused: &[&Priced<'_>],
) -> Result<HashSet<String>, DbError> {
    if refused.is_empty() {
        return Ok(HashSet::new());
    }
    let keys: Vec<&IdempotencyKey> = refused.iter().map(|priced| &priced.arrival.key).collect();
    orders::taken_keys(tenant, &keys).run(connection).await
}

/// Runs the transaction.
async fn place(
    context: &Arc<OrderContext>,
    connection: &mut Connection,
    tenant: TenantId,
    drafts: &[Draft<'_>],
    wait: LockWait,
) -> Result<Vec<(DateTime<Utc>, Option<Attempt>)>, Abort<Undone, DbError>> {
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    let mut transaction = Transaction::new(connection, wait);
    let requests = reservations_of(drafts);
    let times = match claim(context, &mut transaction, tenant, drafts, &requests).await {
        Ok(times) => times,
        Err(error) => {
            transaction.roll_back().await;
            return Err(error);
        }
    };
    oms_failpoints::reached("orders.locked");
    let hold = hold_stock(tenant, &requests).map_err(|error| match error {
        // A warehouse was deactivated while this transaction waited for locks.
        DbError::NotAsExpected => Abort::Undo(Undone::Stale),
        error => error.into(),
    });
    let adjust = adjustments::insert(tenant, drafts.iter().map(|draft| &draft.order));
    let adjust = adjust.map(|insert| insert.map_err(Abort::from));
    let attempts = drafts.iter().filter_map(|draft| draft.attempt.clone());
    let attempts: Vec<_> = attempts.collect();
    let record = (!attempts.is_empty()).then(|| recording(tenant, &attempts).map_err(Abort::from));
    // Orders without a payment are PAID in this commit.
    let free = drafts.iter().filter(|draft| draft.attempt.is_none());
    let sends: Vec<_> = free.map(|draft| to_send_of(&draft.order)).collect();
    let open = (!sends.is_empty()).then(|| open_fulfilment_orders(tenant, context.now(), &sends));
    let (open, lines) = open.unzip();
    let (open, lines) = (
        open.map(|open| open.map_err(Abort::from)),
        lines.map(|lines| lines.map_err(Abort::from)),
    );
    let steps = (hold, adjust, record, open, lines);
    let ((), _, recorded, _, _) = transaction.commit_with(steps).await?;
    let mut recorded = recorded.unwrap_or_default().into_iter();
    let attempt_of = |draft: &Draft<'_>| draft.attempt.as_ref().and_then(|_| recorded.next());
    let attempts: Vec<_> = drafts.iter().map(attempt_of).collect();
    Ok(times.into_iter().zip(attempts).collect())
}

/// Places the orders, locks their stock, and returns when they were placed, unless something is in the way.
///
/// Locks customers first, then claims keys, then locks stock. Every transaction uses this order, so that no two
/// requests wait for each other.
async fn claim(
    context: &OrderContext,
    transaction: &mut Transaction<'_>,
    tenant: TenantId,
    drafts: &[Draft<'_>],
    requests: &[ReservationRequest<'_>],
) -> Result<Vec<DateTime<Utc>>, Abort<Undone, DbError>> {
    let (now, delay) = (context.now(), context.settings.sweep_after);
    let customers = bounds::lock_customers(context, tenant, drafts);
    let customers = customers.map(|lock| lock.map_err(Abort::from));
    let (wanted, standings) = (placements_of(drafts), bounds::standings(context));
    let insert = placements::insert(tenant, now, delay, PLACED_REASON, &wanted, standings);
    let lock = lock_stock(tenant, requests).map_err(|error| match error {
        DbError::LockTimeout => Abort::Undo(Undone::Held),
        error => error.into(),
    });
    let (_, placed, stock) = transaction
        .send((customers, insert.map_err(Abort::from), lock))
        .await?;
    if placed.len() < drafts.len() {
        let ids = drafts.iter().map(|draft| draft.order.id);
        let taken = ids.filter(|id| !placed.contains_key(id)).collect();
        return Err(Abort::Undo(Undone::KeysTaken(taken)));
    }
    let exceeded = bounds::refused_now(context, tenant, drafts, &placed);
    if !exceeded.is_empty() {
        return Err(Abort::Undo(Undone::Exceeded(exceeded)));
    }
    if allocate(stock, requests).contains(&ReserveOutcome::Stale) {
        return Err(Abort::Undo(Undone::Stale));
    }
    let time = |draft: &Draft<'_>| placed[&draft.order.id].created_at;
    Ok(drafts.iter().map(time).collect())
}

/// After an unanswered COMMIT: continues if the order exists. If not, it may still appear.
async fn read_back(context: &Arc<OrderContext>, tenant: TenantId, order_id: OrderId) -> Outcome {
    let stored = get_order(context, tenant, order_id).await;
    match stored.map_err(|_| OrderError::OutcomeUnknown)? {
        OrderDetails { order, payment, .. }
            if payment.is_some() || order.total.amount_minor == 0 =>
        {
            Ok(Intake::Placed {
                order: Box::new(order),
                attempt: payment,
            })
        }
        _ => Err(OrderError::OutcomeUnknown.into()),
    }
}
