//! One step of a refund, for the request that asked for it and for the sweeper alike.

use oms_payments::{
    Attempt, Refund, RefundEnd, RefundResult, execute_refund, find_payment, find_pending_refund,
};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::error::OrderError;
use crate::service::transitions::advance::Advance;
use crate::service::transitions::end_refunding::end_refunding;
use crate::service::transitions::follow_gateway::{Reach, try_to_follow};

/// One try to end the refund of an order that is in `REFUNDING`.
pub(crate) async fn advance_refunding(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    actor: &str,
) -> Result<Advance, OrderError> {
    let mut connection = context.database.acquire().await?;
    // In this order: the attempt of a refund has the reference that the refund needs.
    let pending = find_pending_refund(&mut connection, tenant, order_id).await?;
    let attempt = find_payment(&mut connection, tenant, order_id).await?;
    drop(connection);
    let Some((attempt, refund)) = attempt.zip(pending) else {
        // Its end is in the commit that ends the order's refunding, so that somebody else has ended both.
        let reason = "no refund of it is pending".to_owned();
        return Ok(Advance::TryAgain { reason });
    };
    give_back(context, tenant, &attempt, &refund, actor).await
}

/// One try to have the gateway give the money of a refund back.
pub(crate) async fn give_back(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
    refund: &Refund,
    actor: &str,
) -> Result<Advance, OrderError> {
    let gateway = context.gateway.as_ref();
    let result = execute_refund(&context.database, gateway, tenant, refund, attempt, actor).await;
    oms_failpoints::reached("orders.refund_executed");
    let (end, advance) = match result {
        RefundResult::Refunded => (RefundEnd::Refunded, Advance::Refunded),
        RefundResult::Failed { code } => (RefundEnd::Failed(code), Advance::RefundFailed),
        RefundResult::Pending => return Ok(Advance::Waiting),
        RefundResult::Later(cause) => return Ok(Advance::of_later(&cause)),
    };
    if !end_refunding(context, tenant, refund, &end, actor).await? {
        return Ok(Advance::Superseded);
    }
    if advance == Advance::RefundFailed {
        // Perhaps because the money was given back elsewhere, or is disputed.
        try_to_follow(context, tenant, attempt, Reach::RefundsAndDisputes).await;
    }
    Ok(advance)
}
