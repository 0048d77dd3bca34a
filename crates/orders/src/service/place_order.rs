//! Placing an order: phase 0 without the database, phase 1 in one transaction, phase 2 with no connection held, phase 3
//! in one transaction.
//!
//! Run it in a task that nobody cancels: a client that goes away must not change how its order ends.

use std::sync::Arc;

use oms_payments::{Attempt, CollectOutcome, Collected, collect_payment};
use oms_validation::{Fingerprint, IdempotencyKey, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::actor::API;
use crate::domain::failure::Failure;
use crate::domain::fingerprint;
use crate::domain::order::{Order, OrderRequest};
use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::service::end_order::{EndedBy, Ending, Proof, end_order};
use crate::service::end_paid_orders::{PaidOrder, end_paid_order};
use crate::service::intake::{Arrival, Intake, intake};
use crate::service::locate::locate;
use crate::service::look_up::look_up;
use crate::service::placing_outcome::PlacingOutcome;
use crate::store::orders;

/// An order that was placed, now or by an earlier request with the same key.
#[derive(Debug)]
pub enum PlacedOrder {
    /// Placed and paid by this request.
    Paid(Order),
    /// Placed and paid by an earlier request. Some or all of the money may have been given back since.
    PaidBefore(Order),
    /// Placed; what became of the payment is not known yet.
    Pending(PendingOrder),
}

/// An order that is not settled yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingOrder {
    /// The order.
    pub order_id: OrderId,
    /// Where it is.
    pub status: OrderStatus,
}

impl PendingOrder {
    /// An order of this request's own, which nobody is known to have moved.
    fn placed(order_id: OrderId) -> PlacedOrder {
        PlacedOrder::Pending(Self {
            order_id,
            status: OrderStatus::PendingPayment,
        })
    }
}

/// Places an order, or answers for the one that the key already stands for.
///
/// # Errors
/// [`OrderError`]; only `Failed` leaves an order behind, with its stock given back.
pub async fn place_order(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    key: &IdempotencyKey,
    request: &OrderRequest,
) -> Result<PlacedOrder, OrderError> {
    let answer = place(context, tenant, key, request).await;
    let (outcome, placed) = match answer.unwrap_or_else(|error| Answer::New(Err(error))) {
        Answer::New(placed) => (PlacingOutcome::of_new(&placed), placed),
        Answer::Replayed(placed) => (PlacingOutcome::of_replay(&placed), placed),
    };
    context.outcomes.count(outcome);
    placed
}

/// What a request is answered, and for whose order.
enum Answer {
    /// For its own.
    New(Result<PlacedOrder, OrderError>),
    /// For the one that its key stood for already.
    Replayed(Result<PlacedOrder, OrderError>),
}

async fn place(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    key: &IdempotencyKey,
    request: &OrderRequest,
) -> Result<Answer, OrderError> {
    let fingerprint = fingerprint::of(request);
    // First of all, so that a replay needs neither stock nor gateway.
    if let Some(order) = look_up(context, tenant, key).await? {
        return Ok(Answer::Replayed(replay(order, fingerprint)));
    }
    if !context.gateway.is_available() {
        return Err(OrderError::GatewayUnavailable);
    }
    let destination = locate(context, tenant, &request.shipping_address).await?;
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
    };
    match intake(context, tenant, arrival).await? {
        Intake::KeyTaken => {
            let order = look_up(context, tenant, key).await?;
            // Its owner gave it back meanwhile: nothing was kept, and this request may be tried again.
            let order = order.ok_or(OrderError::Contended)?;
            Ok(Answer::Replayed(replay(order, fingerprint)))
        }
        Intake::Placed { order, attempt } => {
            oms_failpoints::reached("orders.placed");
            let paid = pay(context, tenant, *order, &attempt, request).await;
            Ok(Answer::New(paid))
        }
    }
}

/// The answer that the key's order has by now.
fn replay(order: Order, fingerprint: Fingerprint) -> Result<PlacedOrder, OrderError> {
    if order.fingerprint != fingerprint {
        return Err(OrderError::KeyReused);
    }
    match stored(order) {
        Ok(PlacedOrder::Paid(order)) => Ok(PlacedOrder::PaidBefore(order)),
        Ok(PlacedOrder::Pending(pending)) => Err(OrderError::InProgress(pending.order_id)),
        other => other,
    }
}

/// The answer that an order has, where it is now.
fn stored(order: Order) -> Result<PlacedOrder, OrderError> {
    let (order_id, status) = (order.id, order.status);
    match (status, order.failure.clone()) {
        (OrderStatus::Paid | OrderStatus::Refunding | OrderStatus::Refunded, _) => {
            Ok(PlacedOrder::Paid(order))
        }
        (OrderStatus::Cancelling | OrderStatus::Cancelled, _) => {
            Err(OrderError::Cancelled { order_id, status })
        }
        (OrderStatus::Failed, Some(failure)) => Err(OrderError::Failed { order_id, failure }),
        (OrderStatus::PendingPayment | OrderStatus::Failed, _) => {
            Ok(PlacedOrder::Pending(PendingOrder { order_id, status }))
        }
    }
}

/// Phases 2 and 3. An outcome that is not definite leaves the order to the sweeper.
async fn pay(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    order: Order,
    attempt: &Attempt,
    request: &OrderRequest,
) -> Result<PlacedOrder, OrderError> {
    let gateway = context.gateway.as_ref();
    let Collected { outcome, calls } = collect_payment(
        &context.payment_batches,
        gateway,
        tenant,
        attempt,
        &request.payment_method,
        API,
    )
    .await;
    oms_failpoints::reached("orders.collected");
    let Some((closing, ending)) = outcome.closing().zip(ending_of(&outcome)) else {
        if let CollectOutcome::WrongAmount { charged } = &outcome {
            // The sweeper finds the same, and alerts.
            tracing::warn!(order_id = %order.id, ?charged, total = ?order.total, "the gateway charged another amount");
        }
        let moved = matches!(outcome, CollectOutcome::Superseded);
        return answer_as_stored(context, tenant, order.id, moved).await;
    };
    let proof = Proof {
        attempt_id: attempt.id,
        closing,
        calls,
    };
    match end(context, tenant, order.id, proof, &ending).await {
        Ok(true) => {
            oms_failpoints::reached("orders.ended");
            ended(order, ending, outcome)
        }
        Ok(false) => answer_as_stored(context, tenant, order.id, true).await,
        Err(error) => {
            tracing::warn!(
                order_id = %order.id,
                cause = &error as &dyn std::error::Error,
                "an order's end could not be written; the sweeper will"
            );
            // It may have been written after all.
            let moved = matches!(error, OrderError::OutcomeUnknown);
            answer_as_stored(context, tenant, order.id, moved).await
        }
    }
}

/// Orders that were paid are many, and end together; to end as failed, an order gives back stock by itself.
async fn end(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    order_id: OrderId,
    proof: Proof,
    ending: &Ending,
) -> Result<bool, OrderError> {
    match ending {
        Ending::Paid => end_paid_order(context, tenant, PaidOrder { order_id, proof }).await,
        Ending::Failed(_) => {
            let by = EndedBy::Actor(API);
            end_order(context, tenant, order_id, &proof, ending, by).await
        }
    }
}

fn ending_of(outcome: &CollectOutcome) -> Option<Ending> {
    match outcome {
        CollectOutcome::Paid { .. } => Some(Ending::Paid),
        CollectOutcome::Declined { code } => {
            let decline_code = code.as_str().to_owned();
            Some(Ending::Failed(Failure::PaymentDeclined { decline_code }))
        }
        CollectOutcome::NotStarted { .. } => Some(Ending::Failed(Failure::GatewayUnavailable)),
        CollectOutcome::WrongAmount { .. }
        | CollectOutcome::Pending
        | CollectOutcome::Unknown
        | CollectOutcome::Superseded => None,
    }
}

fn ended(
    mut order: Order,
    ending: Ending,
    outcome: CollectOutcome,
) -> Result<PlacedOrder, OrderError> {
    match (ending, outcome) {
        (Ending::Failed(_), CollectOutcome::NotStarted { error, .. }) => Err(error.into()),
        (Ending::Failed(failure), _) => Err(OrderError::Failed {
            order_id: order.id,
            failure,
        }),
        (Ending::Paid, _) => {
            order.status = OrderStatus::Paid;
            Ok(PlacedOrder::Paid(order))
        }
    }
}

/// Answers with the order as it is stored. One that can't be read is reported as pending, where this request placed it,
/// unless it may have been moved since.
async fn answer_as_stored(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    moved: bool,
) -> Result<PlacedOrder, OrderError> {
    match read(context, tenant, order_id).await {
        Ok(Some(order)) => stored(order),
        Ok(None) | Err(_) if !moved => Ok(PendingOrder::placed(order_id)),
        Ok(None) => Err(OrderError::OutcomeUnknown),
        Err(error) => Err(error.after_commit()),
    }
}

async fn read(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Option<Order>, OrderError> {
    let mut connection = context.database.acquire().await?;
    Ok(orders::find(&mut connection, tenant, order_id).await?)
}
