//! Places an order: phase 0 without the database, phase 1 in one transaction, phase 2 without a connection, phase 3 in
//! one transaction.
//!
//! Run it in a task that is never cancelled, so that a client that disconnects does not change the outcome.

use std::sync::Arc;

use oms_payments::Attempt;
use oms_validation::{Fingerprint, IdempotencyKey, TenantId};

use crate::context::OrderContext;
use crate::domain::fingerprint;
use crate::domain::order::{Order, OrderRequest};
use crate::domain::placed_order::PlacedOrder;
use crate::domain::placing_outcome::PlacingOutcome;
use crate::domain::status::OrderStatus;
use crate::error::{NotPaid, OrderError, PlacingError};
use crate::service::placing::collect::{Collection, WhenNotStarted, collect};
use crate::service::placing::intake::{Arrival, Intake, intake};
use crate::service::placing::locate::locate;
use crate::service::placing::look_up::look_up;
use crate::service::placing::stored_answer::{answer_as_stored, stored, stored_now};
use crate::service::transitions::open_fulfilment::to_send;

/// Places an order in the name of `actor`, or returns the answer of the order that the key already stands for.
///
/// # Errors
/// [`PlacingError`]. Only `NotPaid` leaves an order behind: failed, with its stock released, or held with its stock.
pub async fn place_order(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    key: &IdempotencyKey,
    request: &OrderRequest,
    actor: &str,
) -> Result<PlacedOrder, PlacingError> {
    let answer = place(context, tenant, key, request, actor).await;
    let (outcome, placed) = match answer.unwrap_or_else(|error| Answer::New(Err(error))) {
        Answer::New(placed) => (PlacingOutcome::of_new(&placed), placed),
        Answer::Replayed(placed) => (PlacingOutcome::of_replay(&placed), placed),
    };
    context.outcomes.count(outcome);
    if let Err(PlacingError::Exceeded(exceeded)) = &placed {
        context.count_exceeded(exceeded);
    }
    placed
}

/// The answer to a request, and the order that it is about.
enum Answer {
    /// The request's own order.
    New(Result<PlacedOrder, PlacingError>),
    /// The order that the key already stood for.
    Replayed(Result<PlacedOrder, PlacingError>),
}

async fn place(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    key: &IdempotencyKey,
    request: &OrderRequest,
    actor: &str,
) -> Result<Answer, PlacingError> {
    let fingerprint = fingerprint::of(request);
    if is_looked_up_first(context, tenant, key, request)
        && let Some(order) = look_up(context, tenant, key).await?
    {
        let replayed = replay(context, tenant, order, fingerprint).await;
        return Ok(Answer::Replayed(replayed));
    }
    if !context.gateway.is_available() {
        return Err(PlacingError::GatewayUnavailable);
    }
    let geocoder = context.geocoder.as_ref();
    let destination = locate(geocoder, tenant, &request.shipping_address).await?;
    oms_failpoints::reached("orders.located");
    let arrival = Arrival {
        key: key.clone(),
        fingerprint,
        customer_id: request.customer_id,
        shipping_address: request.shipping_address.clone(),
        lines: request.lines.clone(),
        destination,
        external_reference: request.external_reference.clone(),
        metadata: request.metadata.clone(),
        actor: actor.to_owned(),
    };
    match intake(context, tenant, arrival).await? {
        Intake::KeyTaken => {
            let order = look_up(context, tenant, key).await?;
            // Its request released the key in the meantime: nothing was kept, and this request may be repeated.
            let order = order.ok_or(OrderError::Contended)?;
            let replayed = replay(context, tenant, order, fingerprint).await;
            Ok(Answer::Replayed(replayed))
        }
        Intake::Placed { order, attempt } => {
            oms_failpoints::reached("orders.placed");
            // Boxed, because it is large, and a crowd of orders waits for phase 1.
            let paid = Box::pin(pay(context, tenant, *order, &attempt, request, actor)).await;
            Ok(Answer::New(paid))
        }
    }
}

/// Whether the key is looked up before anything else: a replay must need neither the gateway nor the geocoder, and a
/// repeated key is most likely a replay. Otherwise the batch that places the order looks it up, without a round trip of
/// its own.
fn is_looked_up_first(
    context: &OrderContext,
    tenant: TenantId,
    key: &IdempotencyKey,
    request: &OrderRequest,
) -> bool {
    let is_repeated = context.recent_keys.remember(tenant, key);
    let is_located = request.shipping_address.location().is_some();
    is_repeated || !is_located || !context.gateway.is_available()
}

/// The current answer of the key's order.
async fn replay(
    context: &OrderContext,
    tenant: TenantId,
    order: Order,
    fingerprint: Fingerprint,
) -> Result<PlacedOrder, PlacingError> {
    if order.fingerprint != fingerprint {
        return Err(OrderError::KeyReused.into());
    }
    let answer = match order.status {
        OrderStatus::PendingPayment => stored_now(context, tenant, order.id).await??,
        // Its payment no longer matters.
        _ => stored(context, order, None)?,
    };
    match answer.paid_before() {
        PlacedOrder::Pending(pending) if pending.needs_action() => {
            Ok(PlacedOrder::PendingBefore(pending))
        }
        PlacedOrder::Pending(pending) => Err(PlacingError::InProgress(pending.order_id)),
        other => Ok(other),
    }
}

/// Phases 2 and 3. An indefinite outcome leaves the order to the sweeper.
async fn pay(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    mut order: Order,
    attempt: &Attempt,
    request: &OrderRequest,
    actor: &str,
) -> Result<PlacedOrder, PlacingError> {
    let order_id = order.id;
    let (instruction, when_not_started) = (&request.payment, WhenNotStarted::FailOrder);
    match collect(
        context,
        tenant,
        (attempt, to_send(&order)),
        instruction,
        when_not_started,
        actor,
    )
    .await
    {
        Collection::Paid => {
            order.status = OrderStatus::Paid;
            Ok(PlacedOrder::Paid(order))
        }
        Collection::Failed(failure) => Err(NotPaid::Failed { order_id, failure }.into()),
        Collection::NotStarted(error) => Err(error.into()),
        Collection::Stored { moved } => {
            Ok(answer_as_stored(context, tenant, order_id, moved).await??)
        }
    }
}
