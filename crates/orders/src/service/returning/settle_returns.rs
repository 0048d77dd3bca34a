//! Closes returns of which nothing was received in time, and refunds credits that wait.

use std::collections::HashMap;

use oms_fulfilment::{Decision, ReturnId, decide_return as decide, find_expired_returns};
use oms_validation::{ExpectedVersion, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::actor::RETURNS;
use crate::error::{OrderError, ReturningError};
use crate::service::returning::credit_return::execute;
use crate::service::returning::facts::{Happened, of_return};
use crate::service::returning::lock_return::{lock_order, return_of, tell};
use crate::service::reversing::pay_out_returns::start_waiting_payout;
use crate::service::transitions::patience::Patience;
use crate::store::{orders, return_credits, tenants};

/// Returns and orders that one turn looks at, for each tenant.
const PAGE: usize = 100;

/// How far the orders of each tenant with waiting credits were looked at. Credits may wait for long, for example while
/// the bank decides a dispute.
#[derive(Debug, Default)]
pub struct ReturnsPass(HashMap<TenantId, OrderId>);

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

/// Takes one turn over all tenants. May be taken by several instances at once: each change compares first.
///
/// # Errors
/// If the database does not answer. What was done stays.
pub async fn settle_returns(
    context: &OrderContext,
    pass: &mut ReturnsPass,
) -> Result<ReturnsTurn, OrderError> {
    let mut connection = context.database.acquire().await?;
    let tenants = tenants::list(&mut connection).await?;
    drop(connection);
    let mut turn = ReturnsTurn::default();
    for tenant in tenants {
        let after = pass.0.remove(&tenant);
        let mut connection = context.database.acquire().await?;
        let now = context.now();
        let expired = find_expired_returns(&mut connection, tenant, now, PAGE).await?;
        let waiting = return_credits::find_waiting(&mut connection, tenant, after, PAGE).await?;
        drop(connection);
        let (mut is_stuck, count) = (false, expired.len());
        for id in expired {
            match expire(context, tenant, id).await {
                Ok(closed) => turn.expired += u64::from(closed),
                Err(error) => {
                    is_stuck = true;
                    let cause: &dyn std::error::Error = &error;
                    tracing::warn!(return_id = %id, cause, "an expired return could not be closed");
                }
            }
        }
        for order_id in &waiting {
            turn.refunds += u64::from(pay_out(context, tenant, *order_id).await?);
        }
        turn.more |= count == PAGE && !is_stuck;
        if waiting.len() == PAGE {
            pass.0.extend(waiting.last().map(|last| (tenant, *last)));
            turn.more = true;
        }
    }
    Ok(turn)
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
    execute(context, tenant, started, RETURNS).await;
    Ok(is_new)
}
