//! One step towards settling an order, whatever its status.

use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::actor::SWEEPER;
use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::service::reversing::advance_cancelling::advance_cancelling;
use crate::service::reversing::advance_refunding::advance_refunding;
use crate::service::settling::settle_pending::settle_pending;
use crate::service::transitions::advance::Advance;
use crate::store::reconciliations::Claim;

/// Takes the step that the order's status needs.
///
/// # Errors
/// If the database fails; the caller treats it as a failed try.
pub(crate) async fn advance_order(
    context: &OrderContext,
    tenant: TenantId,
    claim: &Claim,
) -> Result<Advance, OrderError> {
    match claim.status {
        OrderStatus::PendingPayment => {
            settle_pending(context, tenant, claim.order_id, claim.age).await
        }
        OrderStatus::Cancelling => advance_cancelling(context, tenant, claim, SWEEPER).await,
        OrderStatus::Refunding => advance_refunding(context, tenant, claim.order_id, SWEEPER).await,
        status @ (OrderStatus::Paid
        | OrderStatus::Failed
        | OrderStatus::Cancelled
        | OrderStatus::Refunded) => Ok(Advance::TryAgain {
            reason: format!("the sweeper has no step for an order that is {status}"),
        }),
        // A newer version of the program, which runs beside this one, knows the step.
        OrderStatus::Other(_) => Ok(Advance::Refused),
    }
}
