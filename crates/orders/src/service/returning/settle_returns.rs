//! Closes returns of which nothing was received in time, and refunds credits that wait.

use std::collections::HashMap;
use std::error::Error;
use std::panic::AssertUnwindSafe;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use oms_fulfilment::{Decision, ReturnId, decide_return as decide, find_expired_returns};
use oms_validation::{ExpectedVersion, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::actor::RETURNS;
use crate::error::{OrderError, ReturningError};
use crate::service::returning::credit_return::execute;
use crate::service::returning::facts::{Happened, of_return};
use crate::service::returning::lock_return::{lock_order, return_of};
use crate::service::reversing::pay_out_returns::start_waiting_payout;
use crate::service::transitions::happenings::tell;
use crate::service::transitions::patience::Patience;
use crate::store::{orders, return_credits, tenants};

/// Returns and orders that one turn looks at, for each tenant.
const PAGE: usize = 100;

/// How far each tenant was looked at. What fails is passed over until the next pass, and credits may wait for long, for
/// example while the bank decides a dispute.
#[derive(Debug, Default)]
pub struct ReturnsPass(HashMap<TenantId, Position>);

/// Where the previous turn stopped. `None` is the beginning.
#[derive(Clone, Copy, Debug, Default)]
struct Position {
    expired: Option<(DateTime<Utc>, ReturnId)>,
    waiting: Option<OrderId>,
}

/// What a turn did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReturnsTurn {
    /// Returns that were closed.
    pub expired: u64,
    /// Refunds that were started.
    pub refunds: u64,
    /// Whether there is more to look at.
    pub more: bool,
}

/// Takes one turn over all tenants. Several instances may do so at the same time. An order or a tenant that fails, or
/// triggers a panic, delays no other. No refund begins while the gateway's breaker refuses calls. Ends early when the
/// program stops.
///
/// # Errors
/// If the database can't list the tenants. What was done stays.
pub async fn settle_returns(
    context: &OrderContext,
    pass: &mut ReturnsPass,
) -> Result<ReturnsTurn, OrderError> {
    let mut connection = context.database.acquire().await?;
    let tenants = tenants::list(&mut connection).await?;
    drop(connection);
    let mut turn = ReturnsTurn::default();
    for tenant in tenants {
        let position = pass.0.remove(&tenant).unwrap_or_default();
        match Box::pin(settle_of_tenant(context, tenant, position, &mut turn)).await {
            Ok(Some(position)) => {
                pass.0.insert(tenant, position);
                turn.more = true;
            }
            Ok(None) => {}
            Err(error) => {
                let cause: &dyn Error = &error;
                tracing::warn!(%tenant, cause, "the returns of a tenant could not be settled");
            }
        }
    }
    Ok(turn)
}

/// Returns where to continue, unless the pass is complete.
async fn settle_of_tenant(
    context: &OrderContext,
    tenant: TenantId,
    position: Position,
    turn: &mut ReturnsTurn,
) -> Result<Option<Position>, OrderError> {
    let mut connection = context.database.acquire().await?;
    let (now, after) = (context.now(), position.expired);
    let expired = find_expired_returns(&mut connection, tenant, now, after, PAGE).await?;
    let waiting = match context.gateway.is_available() {
        true => {
            let after = position.waiting;
            return_credits::find_waiting(&mut connection, tenant, after, PAGE).await?
        }
        false => Vec::new(),
    };
    drop(connection);
    for (_, id) in &expired {
        if context.stopping.is_cancelled() {
            return Ok(None);
        }
        let done = unless_panicked(expire(context, tenant, *id)).await;
        turn.expired += u64::from(done.unwrap_or_else(|cause| {
            tracing::warn!(return_id = %id, cause, "an expired return could not be closed");
            false
        }));
    }
    for order_id in &waiting {
        if context.stopping.is_cancelled() {
            return Ok(None);
        }
        let done = unless_panicked(pay_out(context, tenant, *order_id)).await;
        turn.refunds += u64::from(done.unwrap_or_else(|cause| {
            tracing::warn!(%order_id, cause, "the credits of an order could not be refunded");
            false
        }));
    }
    let is_full = expired.len() == PAGE || waiting.len() == PAGE;
    // The last of a list that has ended: nothing follows it until the pass begins anew.
    let next = Position {
        expired: expired.last().copied().or(position.expired),
        waiting: waiting.last().copied().or(position.waiting),
    };
    Ok(is_full.then_some(next))
}

/// The result of some work, or why it failed. The message of a panic is already on standard error.
async fn unless_panicked<T, E: Error>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, String> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err("the program panicked; see its log".to_owned()),
    }
}

async fn expire(
    context: &OrderContext,
    tenant: TenantId,
    id: ReturnId,
) -> Result<bool, ReturningError> {
    let mut patience = Patience::new(context, tenant, id.as_uuid());
    loop {
        let tried = patience.attempt(async |connection| {
            let now = context.now();
            let order_id = return_of(connection, tenant, id).await?.order_id;
            lock_order(connection, tenant, order_id).await?;
            let (any, decision) = (ExpectedVersion::Any, Decision::Expire);
            let (is_new, it) = decide(connection, tenant, now, id, &any, &decision).await?;
            if is_new {
                let told = of_return(&it, Happened::Closed);
                tell(connection, tenant, now, order_id, &told, RETURNS).await?;
            }
            Ok::<_, ReturningError>(is_new)
        });
        if let Some(expired) = tried.await {
            return expired;
        }
    }
}

async fn pay_out(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<bool, OrderError> {
    let mut patience = Patience::new(context, tenant, order_id.as_uuid());
    let started = loop {
        let tried = patience.attempt(async |connection| {
            orders::lock_status(connection, tenant, order_id).await?;
            start_waiting_payout(context, connection, tenant, order_id, RETURNS).await
        });
        if let Some(started) = tried.await {
            break started?;
        }
    };
    let is_new = started.is_some();
    execute(context, tenant, started.as_ref(), RETURNS).await;
    Ok(is_new)
}
