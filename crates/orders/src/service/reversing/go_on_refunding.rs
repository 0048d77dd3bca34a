//! Executes a refund that a transaction has started. If that fails, the sweeper continues.

use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::error::OrderError;
use crate::service::reversing::advance_refunding::refund_at_gateway;
use crate::service::reversing::started_refund::StartedRefund;
use crate::service::transitions::advance::Advance;
use crate::service::transitions::dead_letter_order::dead_letter_order;

/// Executes a refund as far as possible now. Returns whether the gateway has not reported its outcome yet.
pub(crate) async fn go_on(
    context: &OrderContext,
    tenant: TenantId,
    started: &StartedRefund,
    actor: &str,
) -> bool {
    let (order_id, refund_id) = (started.refund.order_id, started.refund.id);
    match try_to_go_on(context, tenant, started, actor).await {
        Ok(advance) => {
            tracing::info!(%order_id, %refund_id, ?advance, "refunding an order");
            matches!(
                advance,
                Advance::Waiting | Advance::Refused | Advance::TryAgain { .. }
            )
        }
        Err(error) => {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(%order_id, cause, "a refund could not be finished; the sweeper will continue");
            false
        }
    }
}

async fn try_to_go_on(
    context: &OrderContext,
    tenant: TenantId,
    StartedRefund {
        attempt,
        refund,
        claim,
    }: &StartedRefund,
    actor: &str,
) -> Result<Advance, OrderError> {
    let advance = refund_at_gateway(context, tenant, attempt, refund, actor).await?;
    if let Advance::NeedsOperator { reason } = &advance {
        dead_letter_order(context, tenant, claim, reason, actor).await?;
    }
    Ok(advance)
}
