//! Looks at the gateway before a refund.

use oms_payments::{Attempt, AttemptState, find_payment};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::error::OrderError;
use crate::service::reversing::refuse_disputed::reach_of;
use crate::service::transitions::follow_gateway::try_to_follow;

/// Reads at the gateway what is left of an order's payment, and whether it is disputed, because what happens there may
/// not have reached us. If that fails, the caller continues: the gateway refunds no more than it took.
///
/// # Errors
/// If the database does not answer.
pub(crate) async fn look_before(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<(), OrderError> {
    let mut connection = context.database.acquire().await?;
    let attempt = find_payment(&mut connection, tenant, order_id).await?;
    let reach = reach_of(&mut connection, tenant, order_id).await?;
    drop(connection);
    let is_paid = |attempt: &Attempt| attempt.state == AttemptState::Paid;
    if let Some(attempt) = attempt.filter(is_paid) {
        try_to_follow(context, tenant, &attempt, reach).await;
    }
    Ok(())
}
