//! A storefront reports that the customer is done: asks the gateway for the outcome of the payment, so that nobody
//! waits for a webhook or the sweeper.

use oms_database::transaction;
use oms_payments::{Attempt, FencePolicy, find_payment};
use oms_validation::{IdempotencyKey, Keyed, Once, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::placed_order::PlacedOrder;
use crate::domain::status::OrderStatus;
use crate::error::{OrderError, PayingError};
use crate::service::placing::stored_answer::answer_as_stored;
use crate::service::settling::settle_pending::settle_attempt;
use crate::service::transitions::claim_key::claim_key;
use crate::store::orders;

/// Settles the payment of an order in the name of `actor`, as far as the gateway has an answer, and returns the updated
/// order. Cancels nothing that may still be confirmed. Repeating it with the same key asks again, because payments
/// change over time.
///
/// # Errors
/// `NotFound` if the tenant has no such order, `KeyReused` if the key belongs to another request; otherwise the outcome
/// of the order, as for [`place_order`](crate::place_order), or if the database fails.
pub async fn check_payment(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    key: &IdempotencyKey,
    actor: &str,
) -> Result<Once<PlacedOrder>, PayingError> {
    let keyed = Keyed::new(key, "check payment v1", &order_id);
    let mut connection = context.database.acquire().await?;
    let found = transaction(&mut connection, async |connection| {
        let status = orders::find_status(connection, tenant, order_id).await?;
        let status = status.ok_or(OrderError::NotFound)?;
        let once = claim_key(connection, tenant, Some(&keyed)).await?;
        let attempt = find_payment(connection, tenant, order_id).await?;
        let attempt = attempt.filter(|_| status == OrderStatus::PendingPayment);
        Ok::<_, OrderError>(once.map(|()| attempt))
    });
    let found = found.await?;
    drop(connection);
    let (once, attempt) = match found {
        Once::Now(attempt) => (Once::Now(()), attempt),
        Once::Before(attempt) => (Once::Before(()), attempt),
    };
    if let Some(attempt) = attempt.filter(|attempt| attempt.state.is_open()) {
        settle(context, tenant, &attempt, actor).await;
    }
    let answer = answer_as_stored(context, tenant, order_id, true).await??;
    Ok(once.map(|()| answer.paid_before()))
}

/// Settles the payment if possible. Otherwise the stored state is the answer.
async fn settle(context: &OrderContext, tenant: TenantId, attempt: &Attempt, actor: &str) {
    let (policy, when_dead) = (FencePolicy::Observe, context.settings.decline_policy);
    let settled = settle_attempt(context, tenant, attempt, policy, when_dead, actor).await;
    if let Err(error) = settled {
        let (order_id, cause): (_, &dyn std::error::Error) = (attempt.order_id, &error);
        tracing::warn!(%order_id, cause, "a payment could not be settled; the sweeper will settle it");
    }
}
