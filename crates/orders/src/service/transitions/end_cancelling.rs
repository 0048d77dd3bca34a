//! The only way from `CANCELLING` to `CANCELLED`: order, payment, stock, event, work list and dead letter change in one
//! commit, or not at all.

use oms_database::Connection;
use oms_payments::{AttemptState, Refund, RefundEnd, finish_refund, save_calls};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::domain::clock::Now;
use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::service::transitions::abort::{Abort, unless_lost};
use crate::service::transitions::change_status::change_status;
use crate::service::transitions::close_payment::{close_payment, note_declined};
use crate::service::transitions::patience::Patience;
use crate::service::transitions::proof::Proof;
use crate::service::transitions::release_unsent::release_unsent;
use crate::service::transitions::worklist::take_off;
use crate::store::orders::{KeyFate, Transition};

/// The proof that no money of the order is left or can still be taken. Without it no stock is released.
pub(crate) enum NoMoney<'a> {
    /// None was taken: the closing is a fence, or a definite decline.
    NeverTaken(&'a Proof),
    /// The gateway reports this refund of everything that was left as done.
    Refunded(&'a Refund),
    /// The attempt is dead: the step that closed it had the proof.
    AttemptIsDead,
    /// The total of the order is 0, so that it has no attempt.
    NothingToPay,
}

/// Settles a cancellation by compare-and-set. Returns `false` if another request or worker was first; then only the
/// history of gateway calls was changed.
pub(crate) async fn end_cancelling(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    no_money: &NoMoney<'_>,
    actor: &str,
) -> Result<bool, OrderError> {
    let ended = try_to_end(context, tenant, order_id, no_money, actor).await;
    if let NoMoney::NeverTaken(proof) = no_money {
        match ended {
            Ok(true) => note_declined(context, tenant, proof),
            _ => save_calls(&context.database, tenant, &proof.calls).await,
        }
    }
    ended
}

async fn try_to_end(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    no_money: &NoMoney<'_>,
    actor: &str,
) -> Result<bool, OrderError> {
    let mut patience = Patience::new(context, tenant, order_id.as_uuid());
    loop {
        let tried = patience.attempt(async |connection| {
            let now = context.now();
            // Lock the order first, as everywhere.
            write(connection, tenant, now, order_id, no_money, actor).await?;
            let ended = end_payment(context, connection, tenant, now, order_id, no_money).await;
            oms_failpoints::reached("orders.cancelled");
            ended
        });
        if let Some(ended) = tried.await {
            return Ok(unless_lost(ended)?.is_some());
        }
    }
}

async fn write(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    no_money: &NoMoney<'_>,
    actor: &str,
) -> Result<(), Abort> {
    let transition = Transition {
        from: OrderStatus::Cancelling,
        to: OrderStatus::Cancelled,
        failure: None,
        key: KeyFate::Keep,
    };
    let authorship = Authorship {
        actor,
        reason: no_money.reason(),
    };
    if !change_status(connection, tenant, now, order_id, &transition, authorship).await? {
        return Err(Abort::LOST);
    }
    release_unsent(connection, tenant, now, order_id, actor).await?;
    Ok(take_off(connection, tenant, now, &[(order_id, actor)]).await?)
}

async fn end_payment(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    no_money: &NoMoney<'_>,
) -> Result<(), Abort> {
    match no_money {
        NoMoney::NeverTaken(proof) => {
            close_payment(context, connection, tenant, now, order_id, proof).await
        }
        NoMoney::Refunded(refund) => {
            let (gateway, end) = (context.gateway.as_ref(), RefundEnd::Refunded);
            let finished = finish_refund(connection, gateway, tenant, refund, &end).await?;
            let finished = finished.filter(|it| it.attempt == AttemptState::Refunded);
            finished.map(|_| ()).ok_or(Abort::LOST)
        }
        NoMoney::AttemptIsDead | NoMoney::NothingToPay => Ok(()),
    }
}

impl NoMoney<'_> {
    const fn reason(&self) -> &'static str {
        match self {
            Self::NeverTaken(_) => "it is proven that no money moved or can still move",
            Self::Refunded(_) => "all of the money was refunded",
            Self::NothingToPay => "nothing was to be paid",
            Self::AttemptIsDead => "no money is left with the merchant",
        }
    }
}
