//! The only way out of `REFUNDING`: order, refund, attempt, stock, event and work list change in one commit, or not at
//! all.

use oms_database::{Connection, DbError};
use oms_payments::{AttemptState, Finished, Refund, RefundEnd, finish_refund};
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::domain::clock::Now;
use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::service::transitions::abort::{Abort, unless_lost};
use crate::service::transitions::change_status::change_status;
use crate::service::transitions::open_fulfilment::open_late;
use crate::service::transitions::patience::Patience;
use crate::service::transitions::release_unsent::release_unsent;
use crate::service::transitions::settle_frozen::settle_frozen;
use crate::service::transitions::settle_owed::{EndedBy, settle_credits};
use crate::service::transitions::worklist::take_off;
use crate::store::orders::{self, KeyFate, Transition};

/// Ends a refund by compare-and-set: its order is `PAID` again, or `REFUNDED` if nothing is left. Returns `false`, and
/// changes nothing, if another request or worker was first.
pub(crate) async fn end_refunding(
    context: &OrderContext,
    tenant: TenantId,
    refund: &Refund,
    end: &RefundEnd,
    actor: &str,
) -> Result<bool, OrderError> {
    let mut patience = Patience::new(context, tenant, refund.order_id.as_uuid());
    loop {
        let tried = patience.attempt(async |connection| {
            finish(context, connection, tenant, refund, end, actor).await?;
            oms_failpoints::reached("orders.refunded");
            Ok(())
        });
        if let Some(ended) = tried.await {
            return Ok(unless_lost(ended)?.is_some());
        }
    }
}

async fn finish(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    refund: &Refund,
    end: &RefundEnd,
    actor: &str,
) -> Result<(), Abort> {
    // Lock the order first, as everywhere.
    let status = orders::lock_status(connection, tenant, refund.order_id).await?;
    if status != Some(OrderStatus::Refunding) {
        return Err(Abort::LOST);
    }
    let gateway = context.gateway.as_ref();
    let finished = finish_refund(connection, gateway, tenant, refund, end).await?;
    let finished = finished.ok_or(Abort::LOST)?;
    let now = context.now();
    write(connection, tenant, now, refund, end, finished, actor).await?;
    let ended = (refund, end);
    Ok(settle_credits(context, connection, tenant, ended, EndedBy::Gateway, actor).await?)
}

async fn write(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    refund: &Refund,
    end: &RefundEnd,
    finished: Finished,
    actor: &str,
) -> Result<(), DbError> {
    let to = match finished.attempt {
        AttemptState::Refunded => OrderStatus::Refunded,
        _ => OrderStatus::Paid,
    };
    let transition = Transition {
        from: OrderStatus::Refunding,
        to,
        failure: None,
        key: KeyFate::Keep,
    };
    let reason = reason(refund, end);
    let authorship = Authorship {
        actor,
        reason: &reason,
    };
    let order_id = refund.order_id;
    let changed = change_status(connection, tenant, now, order_id, &transition, authorship).await?;
    DbError::unless_changed(changed, "the order is locked")?;
    match to.holds_stock() {
        true => {
            settle_frozen(connection, tenant, now, order_id, end, actor).await?;
            open_late(connection, tenant, now, &[order_id], actor).await?;
        }
        false => release_unsent(connection, tenant, now, order_id, actor).await?,
    }
    take_off(connection, tenant, now, &[(order_id, actor)]).await
}

fn reason(refund: &Refund, end: &RefundEnd) -> String {
    let amount = refund.amount;
    match end {
        RefundEnd::Refunded => format!("{amount} was refunded"),
        RefundEnd::Failed(code) => format!("{amount} was not refunded: {}", code.in_words()),
    }
}
