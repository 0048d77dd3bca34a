//! Phase 1 of the orders that are waiting, in one transaction: as if they had been placed one by one in the order of their
//! coming, and none suffers for another.

mod draft;
mod price;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use oms_database::{Connection, DbError, limit_lock_wait, transaction};
use oms_inventory::{ReserveOutcome, reserve, route_together};
use oms_payments::{Attempt, PaymentError, record_attempts};
use oms_validation::{IdempotencyKey, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::actor::API;
use crate::domain::authorship::Authorship;
use crate::error::OrderError;
use crate::service::get_order::{OrderDetails, get_order};
use crate::service::intake::{Arrival, Intake, Outcome};
use crate::store::{orders, placements};
use draft::{Draft, drafts, placements_of, reservations_of};
use price::{Priced, price};

/// Most times that orders are routed because the stock went before it could be held, or a key was taken.
const MAX_ROUTINGS: usize = 5;

/// Longest wait of a batch for a row lock. An order by itself may wait longer; those that don't need the row go on.
const BATCH_LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// Places orders. An error means that none was placed.
pub(crate) async fn place_together(
    context: Arc<OrderContext>,
    tenant: TenantId,
    arrivals: Vec<Arc<Arrival>>,
) -> Result<Vec<Outcome>, OrderError> {
    let mut runs = runs_of_distinct_keys(&arrivals).into_iter();
    let first = runs.next().unwrap_or_default();
    let mut outcomes = place_all(&context, tenant, first).await?;
    // From here on some are placed, and nothing may fail for all of them.
    for run in runs {
        match place_all(&context, tenant, run).await {
            Ok(placed) => outcomes.extend(placed),
            Err(_) => {
                for arrival in run.chunks(1) {
                    let placed = place_all(&context, tenant, arrival).await;
                    outcomes.extend(placed.unwrap_or_else(|error| vec![Err(error)]));
                }
            }
        }
    }
    Ok(outcomes)
}

/// A key that comes twice has to find what became of it the first time.
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
enum Abort {
    /// The keys of these orders are somebody else's.
    KeysTaken(HashSet<OrderId>),
    /// The stock of some order went since it was routed.
    Stale,
    Database(DbError),
}

impl From<DbError> for Abort {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

/// Places orders whose keys are distinct. An error means that none was placed.
async fn place_all(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    arrivals: &[Arc<Arrival>],
) -> Result<Vec<Outcome>, OrderError> {
    let mut admission = context.admit().await?;
    let connection = &mut admission.connection;
    let mut outcomes = Outcomes::of(arrivals.len());
    let priced = price(context, connection, tenant, arrivals).await?;
    let mut open = outcomes.keep_priced(priced);
    for _ in 0..MAX_ROUTINGS {
        let requests: Vec<_> = open.iter().map(Priced::routing_request).collect();
        let routes = route_together(connection, tenant, &requests).await?;
        let (drafts, refused) = drafts(context, &open, routes);
        let known = known_keys(connection, tenant, &refused).await?;
        match place(context, connection, tenant, &drafts).await {
            Ok(placed) => {
                outcomes.placed(drafts, placed);
                outcomes.refused(&refused, &known, || OrderError::NoSingleWarehouse);
                return Ok(outcomes.into_all());
            }
            Err(Abort::KeysTaken(taken)) => {
                let taken: HashSet<usize> = drafts
                    .iter()
                    .filter(|draft| taken.contains(&draft.order.id))
                    .map(|draft| draft.index)
                    .collect();
                outcomes.keys_taken(&taken);
                open.retain(|priced| !taken.contains(&priced.index));
            }
            Err(Abort::Stale) => {}
            // A deadlock of ours would be a defect, one with somebody's hand-written statement need not be.
            Err(Abort::Database(DbError::Deadlock)) if open.len() == 1 => {}
            Err(Abort::Database(DbError::CommitOutcomeUnknown(cause))) => {
                tracing::warn!(
                    orders = drafts.len(),
                    cause,
                    "the answer to COMMIT was lost"
                );
                outcomes.refused(&refused, &known, || OrderError::Contended);
                drop(admission);
                let found = drafts
                    .iter()
                    .map(|draft| read_back(context, tenant, draft.order.id));
                outcomes.read_back(&drafts, join_all(found).await);
                return Ok(outcomes.into_all());
            }
            Err(Abort::Database(error)) => return Err(error.into()),
        }
    }
    Err(OrderError::Contended)
}

/// Of orders that no warehouse can fill, the keys that stand for an order by now: perhaps it was this very order, placed by
/// a twin of the request, that took the last of the stock.
async fn known_keys(
    connection: &mut Connection,
    tenant: TenantId,
    refused: &[&Priced<'_>],
) -> Result<HashSet<String>, DbError> {
    if refused.is_empty() {
        return Ok(HashSet::new());
    }
    let keys: Vec<&IdempotencyKey> = refused.iter().map(|priced| &priced.arrival.key).collect();
    let found = orders::find_by_keys(connection, tenant, &keys).await?;
    Ok(found.into_keys().collect())
}

/// The one transaction.
async fn place(
    context: &Arc<OrderContext>,
    connection: &mut Connection,
    tenant: TenantId,
    drafts: &[Draft<'_>],
) -> Result<Vec<(DateTime<Utc>, Attempt)>, Abort> {
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    transaction(connection, async |connection| {
        write(context, connection, tenant, drafts).await
    })
    .await
}

/// The keys are claimed before any stock is locked, in this order everywhere, so that two requests
/// can't wait for each other.
async fn write(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    drafts: &[Draft<'_>],
) -> Result<Vec<(DateTime<Utc>, Attempt)>, Abort> {
    if drafts.len() > 1 {
        limit_lock_wait(connection, BATCH_LOCK_TIMEOUT).await?;
    }
    let (now, delay) = (context.now(), context.settings.sweep_after);
    let authorship = Authorship {
        actor: API,
        reason: "the order was placed and its stock is held",
    };
    let wanted = placements_of(drafts);
    let placed = placements::insert(connection, tenant, now, delay, authorship, &wanted).await?;
    if placed.len() < drafts.len() {
        let ids = drafts.iter().map(|draft| draft.order.id);
        return Err(Abort::KeysTaken(
            ids.filter(|id| !placed.contains_key(id)).collect(),
        ));
    }
    let outcomes = reserve(connection, tenant, &reservations_of(drafts)).await?;
    if outcomes.contains(&ReserveOutcome::Stale) {
        return Err(Abort::Stale);
    }
    let attempts: Vec<_> = drafts.iter().map(|draft| draft.attempt.clone()).collect();
    let recorded = record_attempts(connection, tenant, &attempts).await;
    oms_failpoints::reached("orders.reserved");
    let times = drafts.iter().map(|draft| placed[&draft.order.id]);
    Ok(times.zip(recorded.map_err(database_error)?).collect())
}

/// Recording an attempt asks no gateway.
fn database_error(error: PaymentError) -> Abort {
    match error {
        PaymentError::Database(error) => error.into(),
        PaymentError::Gateway(error) => {
            DbError::Unavailable(format!("recording an attempt asked the gateway: {error}")).into()
        }
    }
}

/// After a COMMIT without an answer: goes on if the order is there. If it is not, it may still come.
async fn read_back(context: &Arc<OrderContext>, tenant: TenantId, order_id: OrderId) -> Outcome {
    let stored = get_order(context, tenant, order_id).await;
    match stored.map_err(|_| OrderError::OutcomeUnknown)? {
        OrderDetails {
            order,
            payment: Some(attempt),
            ..
        } => Ok(Intake::Placed {
            order: Box::new(order),
            attempt,
        }),
        OrderDetails { payment: None, .. } => Err(OrderError::OutcomeUnknown),
    }
}

/// What became of each order, by its place among those that came.
struct Outcomes(Vec<Option<Outcome>>);

impl Outcomes {
    fn of(count: usize) -> Self {
        Self(std::iter::repeat_with(|| None).take(count).collect())
    }

    /// Keeps the refusals, and returns the orders that have a price.
    fn keep_priced<'a>(&mut self, priced: Vec<Result<Priced<'a>, OrderError>>) -> Vec<Priced<'a>> {
        let mut open = Vec::with_capacity(priced.len());
        for (outcome, priced) in self.0.iter_mut().zip(priced) {
            match priced {
                Ok(priced) => open.push(priced),
                Err(refusal) => *outcome = Some(Err(refusal)),
            }
        }
        open
    }

    fn placed(&mut self, drafts: Vec<Draft<'_>>, placed: Vec<(DateTime<Utc>, Attempt)>) {
        for (draft, (created_at, attempt)) in drafts.into_iter().zip(placed) {
            let order = Box::new(draft.order.placed(created_at));
            self.0[draft.index] = Some(Ok(Intake::Placed { order, attempt }));
        }
    }

    fn refused(
        &mut self,
        refused: &[&Priced<'_>],
        known: &HashSet<String>,
        refusal: impl Fn() -> OrderError,
    ) {
        for priced in refused {
            self.0[priced.index] = Some(match known.contains(priced.arrival.key.as_str()) {
                true => Ok(Intake::KeyTaken),
                false => Err(refusal()),
            });
        }
    }

    fn keys_taken(&mut self, taken: &HashSet<usize>) {
        for index in taken {
            self.0[*index] = Some(Ok(Intake::KeyTaken));
        }
    }

    fn read_back(&mut self, drafts: &[Draft<'_>], found: Vec<Outcome>) {
        for (draft, found) in drafts.iter().zip(found) {
            self.0[draft.index] = Some(found);
        }
    }

    fn into_all(self) -> Vec<Outcome> {
        let all = self.0.into_iter();
        all.map(|outcome| outcome.expect("every order was placed, refused, or its key is taken"))
            .collect()
    }
}
