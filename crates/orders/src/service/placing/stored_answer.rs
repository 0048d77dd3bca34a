//! Answers requests about an order's payment from the stored state, whichever request or worker stored it.

use oms_payments::{Attempt, find_payment};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::open_payment::{OpenPayment, failure_of};
use crate::domain::order::Order;
use crate::domain::placed_order::{PendingOrder, PlacedOrder};
use crate::domain::status::OrderStatus;
use crate::error::{NotPaid, OrderError};
use crate::store::orders;

/// The stored answer to a request to place or pay an order.
pub(crate) type Stored = Result<PlacedOrder, NotPaid>;

/// The answer of an order in its current state. `attempt` is its latest one and matters only while the order is
/// pending.
pub(crate) fn stored(context: &OrderContext, order: Order, attempt: Option<Attempt>) -> Stored {
    let (order_id, status) = (order.id, order.status);
    match (status, order.failure.clone()) {
        (OrderStatus::Paid | OrderStatus::Refunding | OrderStatus::Refunded, _) => {
            Ok(PlacedOrder::Paid(order))
        }
        (OrderStatus::Cancelling | OrderStatus::Cancelled, _) => {
            Err(NotPaid::Cancelled { order_id, status })
        }
        (OrderStatus::Failed, Some(failure)) => Err(NotPaid::Failed { order_id, failure }),
        // A newer version of the program may have set a status that is unknown here.
        (OrderStatus::PendingPayment | OrderStatus::Failed | OrderStatus::Other(_), _) => {
            unpaid(order_id, status, open_payment(context, &order, attempt))
        }
    }
}

fn unpaid(order_id: OrderId, status: OrderStatus, payment: Option<OpenPayment>) -> Stored {
    match payment.map(Box::new) {
        Some(payment) if payment.attempt.state.is_dead() => Err(NotPaid::Unpaid {
            order_id,
            failure: failure_of(&payment.attempt),
            payment,
        }),
        payment => Ok(PlacedOrder::Pending(PendingOrder {
            order_id,
            status,
            payment,
        })),
    }
}

/// The payment that an order waits for, if any.
fn open_payment(
    context: &OrderContext,
    order: &Order,
    attempt: Option<Attempt>,
) -> Option<OpenPayment> {
    let expires_at = context.settings.expires_at(order)?;
    attempt.map(|attempt| OpenPayment {
        attempt,
        expires_at,
    })
}

/// The current answer of an order.
///
/// # Errors
/// If the database can't be reached.
pub(crate) async fn stored_now(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Stored, OrderError> {
    Ok(match read(context, tenant, order_id).await? {
        Some((order, attempt)) => stored(context, order, attempt),
        None => Ok(PlacedOrder::Pending(PendingOrder::placed(order_id))),
    })
}

/// The current answer after this request has committed something. An order that can't be read is reported as pending if
/// this request placed it, unless it may have been changed since.
pub(crate) async fn answer_as_stored(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    moved: bool,
) -> Result<Stored, OrderError> {
    match read(context, tenant, order_id).await {
        Ok(Some((order, attempt))) => Ok(stored(context, order, attempt)),
        Ok(None) | Err(_) if !moved => Ok(Ok(PlacedOrder::Pending(PendingOrder::placed(order_id)))),
        Ok(None) => Err(OrderError::OutcomeUnknown),
        Err(error) => Err(error.after_commit()),
    }
}

async fn read(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Option<(Order, Option<Attempt>)>, OrderError> {
    let mut connection = context.database.acquire().await?;
    // In this order: an order that is still pending after its attempt was found dead is held, and not about to fail.
    let attempt = find_payment(&mut connection, tenant, order_id).await?;
    let order = orders::find(&mut connection, tenant, order_id).await?;
    Ok(order.map(|order| (order, attempt)))
}
