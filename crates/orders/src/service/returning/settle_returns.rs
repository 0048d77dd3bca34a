//! Closes returns of which nothing was received in time, and refunds credits that wait.

use std::collections::HashMap;
use std::error::Error;

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

/// Takes one turn over all tenants. Several instances may do so at the same time. An order or a tenant that fails delays
/// no other. Ends early when the program stops.
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
        if let Err(error) = settle_of_tenant(context, tenant, pass, &mut turn).await {
            let cause: &dyn Error = &error;
            tracing::warn!(%tenant, cause, "the returns of a tenant could not be settled");
        }
    }
    Ok(turn)
}

async fn settle_of_tenant(
    context: &OrderContext,
    tenant: TenantId,
    pass: &mut ReturnsPass,
    turn: &mut ReturnsTurn,
) -> Result<(), OrderError> {
    let after = pass.0.get(&tenant).copied();
    let mut connection = context.database.acquire().await?;
    let now = context.now();
    let expired = find_expired_returns(&mut connection, tenant, now, PAGE).await?;
    let waiting = return_credits::find_waiting(&mut connection, tenant, after, PAGE).await?;
    drop(connection);
    // One that fails is expired in the next turn too, which must not follow at once.
    let (mut has_failed, is_full) = (false, expired.len() == PAGE);
    for id in expired {
        if context.stopping.is_cancelled() {
            return Ok(());
        }
        match expire(context, tenant, id).await {
            Ok(closed) => turn.expired += u64::from(closed),
            Err(error) => {
                has_failed = true;
                let cause: &dyn Error = &error;
                tracing::warn!(return_id = %id, cause, "an expired return could not be closed");
            }
        }
    }
    for order_id in &waiting {
        if context.stopping.is_cancelled() {
            return Ok(());
        }
        match pay_out(context, tenant, *order_id).await {
            Ok(is_new) => turn.refunds += u64::from(is_new),
            Err(error) => {
                let cause: &dyn Error = &error;
                tracing::warn!(%order_id, cause, "the credits of an order could not be refunded");
            }
        }
    }
    turn.more |= is_full && !has_failed;
    pass.0.remove(&tenant);
    if waiting.len() == PAGE {
        pass.0.extend(waiting.last().map(|last| (tenant, *last)));
        turn.more = true;
    }
    Ok(())
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
