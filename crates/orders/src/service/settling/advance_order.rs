//! One step towards the end of an order that is not settled, whatever it waits for.

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

/// Does what the order's status asks for.
///
/// # Errors
/// When the database fails; to be taken as a failed try.
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
            reason: format!("there is nothing that the sweeper does for an order that is {status}"),
        }),
        // A newer version of the program, beside this one, knows what to do.
        OrderStatus::Other(_) => Ok(Advance::Refused),
    }
}
