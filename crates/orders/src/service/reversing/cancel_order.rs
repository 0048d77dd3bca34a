//! Cancels an order that is not shipped: refunds what was paid, and makes sure that nothing else can be paid. Only then
//! is the stock released.
//!
//! Run it in a task that is never cancelled, so that a client that disconnects does not change the outcome.

use std::sync::Arc;

use oms_database::{Connection, DbError, boxed};
use oms_fulfilment::{UnsentChange, find_fulfilments, freeze_unsent};
use oms_validation::{IdempotencyKey, Keyed, Once, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::domain::placed_order::PendingOrder;
use crate::domain::reason::Reason;
use crate::domain::status::OrderStatus;
use crate::error::{OrderError, ReversingError};
use crate::service::reading::get_order::{OrderDetails, get_order};
use crate::service::reversing::advance_cancelling::advance_cancelling;
use crate::service::reversing::refuse_disputed::refuse_disputed;
use crate::service::transitions::advance::Advance;
use crate::service::transitions::change_status::change_status;
use crate::service::transitions::claim_key::claim_key;
use crate::service::transitions::dead_letter_order::dead_letter_order;
use crate::service::transitions::happenings::write_happenings;
use crate::service::transitions::patience::Patience;
use crate::service::transitions::worklist::put_on;
use crate::store::orders::{self, KeyFate, Transition};
use crate::store::reconciliations::{Claim, Stock};

/// The progress of a cancellation.
#[derive(Debug)]
pub enum Cancellation {
    /// The order is cancelled: no money is left with the merchant, and the stock was released.
    Done(Box<OrderDetails>),
    /// It is not proven yet that no money is left with the merchant. The sweeper continues.
    InProgress(PendingOrder),
}

/// Who continues a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// This request, which started it.
    ByUs(Claim),
    /// Another request, or the sweeper. With the order's status, if it was read under its lock.
    Before(Option<OrderStatus>),
}

/// Cancels an order in the name of `actor`. Repeating it changes nothing, with or without the same key.
///
/// # Errors
/// `NotFound` if the tenant has no such order, `NotCancellable` if it failed or was refunded, `PartlyShipped` if some
/// of it was shipped, `RefundInProgress` while
/// a refund is in progress, `PaymentDisputed` while a dispute of its payment is open, `KeyReused` if the key belongs to
/// another request, `Contended` if the order stays locked; otherwise if the database fails.
#[boxed]
pub async fn cancel_order(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    order_id: OrderId,
    key: Option<&IdempotencyKey>,
    reason: Option<&Reason>,
    actor: &str,
) -> Result<Once<Cancellation>, ReversingError> {
    let request = (order_id, reason.map(Reason::as_str));
    let keyed = key.map(|key| Keyed::new(key, "cancel order v1", &request));
    let mut patience = Patience::new(context, tenant, order_id.as_uuid());
    let begun = loop {
        let tried = patience.attempt(async |connection| {
            if claim_key(connection, tenant, keyed.as_ref()).await? == Once::Before(()) {
                return Ok(Once::Before(Begun::Before(None)));
            }
            let begun = begin(context, connection, tenant, order_id, reason, actor).await?;
            Ok::<_, ReversingError>(Once::Now(begun))
        });
        if let Some(begun) = tried.await {
            break begun;
        }
    };
    let begun = begun?;
    let cancellation = match &begun {
        Once::Now(begun) => finish(context, tenant, order_id, begun, actor).await?,
        Once::Before(_) => answer_as_stored(context, tenant, order_id, None).await?,
    };
    Ok(begun.map(|_| cancellation))
}

/// Continues a cancellation that was begun as far as possible now.
pub(super) async fn finish(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    order_id: OrderId,
    begun: &Begun,
    actor: &str,
) -> Result<Cancellation, OrderError> {
    let known = match begun {
        Begun::ByUs(claim) => go_on_if_possible(context, tenant, claim, actor).await,
        Begun::Before(status) => *status,
    };
    answer_as_stored(context, tenant, order_id, known).await
}

/// Begins to cancel an order as a whole.
pub(super) async fn begin(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    reason: Option<&Reason>,
    actor: &str,
) -> Result<Begun, ReversingError> {
    let status = orders::lock_status(connection, tenant, order_id).await?;
    let from = match status.ok_or(OrderError::NotFound)? {
        from @ (OrderStatus::PendingPayment | OrderStatus::Paid) => from,
        status @ (OrderStatus::Cancelling | OrderStatus::Cancelled) => {
            return Ok(Begun::Before(Some(status)));
        }
        OrderStatus::Refunding => return Err(ReversingError::RefundInProgress(order_id)),
        status @ (OrderStatus::Failed | OrderStatus::Refunded | OrderStatus::Other(_)) => {
            return Err(ReversingError::NotCancellable { order_id, status });
        }
    };
    refuse_disputed(connection, tenant, order_id, from).await?;
    let kept_back = match from {
        OrderStatus::Paid => keep_back(context, connection, tenant, order_id, from).await?,
        _ => UnsentChange::default(),
    };
    let transition = Transition {
        from,
        to: OrderStatus::Cancelling,
        failure: None,
        key: KeyFate::Keep,
    };
    let authorship = Authorship {
        actor,
        reason: reason.map_or("cancellation requested", Reason::as_str),
    };
    let now = context.now();
    let changed = change_status(connection, tenant, now, order_id, &transition, authorship).await?;
    DbError::unless_changed(changed, "the order is locked")?;
    let happened = kept_back.happened();
    write_happenings(connection, tenant, now, order_id, &happened, actor).await?;
    let delay = context.settings.sweep_after;
    let stock = match from {
        OrderStatus::PendingPayment => Stock::Unpaid,
        _ => Stock::Paid,
    };
    let entry = put_on(connection, tenant, now, order_id, delay, stock, actor).await?;
    let claim = Claim::of_request(order_id, OrderStatus::Cancelling, entry);
    Ok(Begun::ByUs(claim))
}

/// Keeps everything of an order from being sent while it is cancelled.
async fn keep_back(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    status: OrderStatus,
) -> Result<UnsentChange, ReversingError> {
    let now = context.now();
    let found = find_fulfilments(connection, tenant, now, &[order_id]).await?;
    if found.get(&order_id).is_some_and(|it| it.shipped() > 0) {
        return Err(ReversingError::PartlyShipped { order_id, status });
    }
    let reason = "the order is cancelled";
    Ok(freeze_unsent(connection, tenant, now, order_id, reason).await?)
}

/// Continues a cancellation as far as possible now, and returns the order's status if it is known. The cancellation is
/// committed, so the sweeper takes over if anything fails from here on.
async fn go_on_if_possible(
    context: &OrderContext,
    tenant: TenantId,
    claim: &Claim,
    actor: &str,
) -> Option<OrderStatus> {
    oms_failpoints::reached("orders.cancelling");
    match go_on(context, tenant, claim, actor).await {
        Ok(Advance::Cancelled) => Some(OrderStatus::Cancelled),
        Ok(Advance::Waiting | Advance::Refused | Advance::TryAgain { .. }) => {
            Some(OrderStatus::Cancelling)
        }
        Ok(_) => None,
        Err(error) => {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(order_id = %claim.order_id, cause, "a cancellation could not be finished; the sweeper will continue");
            None
        }
    }
}

async fn go_on(
    context: &OrderContext,
    tenant: TenantId,
    claim: &Claim,
    actor: &str,
) -> Result<Advance, OrderError> {
    let advance = advance_cancelling(context, tenant, claim, actor).await?;
    if let Advance::NeedsOperator { reason } = &advance {
        dead_letter_order(context, tenant, claim, reason, actor).await?;
    }
    tracing::info!(order_id = %claim.order_id, ?advance, "cancelling an order");
    Ok(advance)
}

/// Answers with the stored order. An order that can't be read is reported as `CANCELLING` only if this request has seen
/// that status.
pub(super) async fn answer_as_stored(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    order_id: OrderId,
    known: Option<OrderStatus>,
) -> Result<Cancellation, OrderError> {
    let under_way = |status| {
        Cancellation::InProgress(PendingOrder {
            order_id,
            status,
            payment: None,
        })
    };
    match get_order(context, tenant, order_id).await {
        Ok(details) if details.order.status == OrderStatus::Cancelled => {
            Ok(Cancellation::Done(Box::new(details)))
        }
        Ok(details) => Ok(under_way(details.order.status)),
        Err(_) if known == Some(OrderStatus::Cancelling) => Ok(under_way(OrderStatus::Cancelling)),
        Err(error) => Err(error.after_commit()),
    }
}
