//! One step towards the end of an order that is not settled, whatever it waits for.

use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::service::settle_pending::settle_pending;
use crate::store::reconciliations::Claim;

/// What became of one try to settle an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Advance {
    /// It was found paid.
    Paid,
    /// It failed, and its stock was given back.
    Failed,
    /// Somebody else settled it.
    Superseded,
    /// It waits for the customer or the bank, whose time is not over: no failed try.
    Waiting,
    /// The gateway was not asked, because its breaker is open: no try at all.
    Refused,
    /// The try failed; another one may not.
    TryAgain {
        /// Why, in words.
        reason: String,
    },
    /// However often it is tried, only a person can decide.
    NeedsPerson {
        /// Why, in words.
        reason: String,
    },
}

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
        Some(OrderStatus::PendingPayment) => {
            settle_pending(context, tenant, claim.order_id, claim.age).await
        }
        Some(
            status @ (OrderStatus::Cancelling
            | OrderStatus::Refunding
            | OrderStatus::Paid
            | OrderStatus::Failed
            | OrderStatus::Cancelled
            | OrderStatus::Refunded),
        ) => Ok(Advance::TryAgain {
            reason: format!("there is nothing that the sweeper does for an order that is {status}"),
        }),
        // A newer version of the program, beside this one, knows what to do.
        None => Ok(Advance::Refused),
    }
}
