//! One step of a refund, for its request and for the sweeper.

use oms_payments::{
    Attempt, Refund, RefundEnd, RefundResult, execute_refund, find_payment, find_pending_refund,
};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::error::OrderError;
use crate::service::reversing::pay_out_returns::continue_payouts;
use crate::service::transitions::advance::Advance;
use crate::service::transitions::end_refunding::end_refunding;
use crate::service::transitions::follow_gateway::{Reach, try_to_follow};

/// Makes one try to finish the refund of an order in `REFUNDING`.
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
        // The refund and `REFUNDING` end in the same commit, so another request or worker has ended both.
        let reason = "no refund of it is pending".to_owned();
        return Ok(Advance::TryAgain { reason });
    };
    refund_at_gateway(context, tenant, &attempt, &refund, actor).await
}

/// Makes one try to execute a refund at the gateway.
pub(crate) async fn refund_at_gateway(
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
        // Possibly because the money was refunded elsewhere, or is disputed.
        try_to_follow(context, tenant, attempt, Reach::RefundsAndDisputes).await;
    }
    continue_payouts(context, tenant, refund.order_id, actor).await;
    Ok(advance)
}
