//! Asks the gateway what remains of an order's payment, on behalf of an operator.

use oms_database::boxed;
use oms_payments::{Remainder, find_payment, find_remainder, list_refunds};
use oms_validation::{OperatorName, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::settlement::Settlement;
use crate::error::OrderError;
use crate::store::orders;

/// What the gateway reports now about the payment of an order. Nothing is changed; the call is on the timeline.
///
/// # Errors
/// `NotFound` if the tenant has no such order; otherwise if the database fails. A gateway that does not answer is a
/// report that it can't tell.
#[boxed]
pub async fn ask_gateway(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    operator: &OperatorName,
) -> Result<Settlement, OrderError> {
    let mut connection = context.database.acquire().await?;
    let order = orders::find(&mut connection, tenant, order_id).await?;
    let order = order.ok_or(OrderError::NotFound)?;
    let attempt = find_payment(&mut connection, tenant, order_id).await?;
    let refunds = list_refunds(&mut connection, tenant, order_id).await?;
    drop(connection);
    let remainder = match attempt {
        None => Remainder::Nothing,
        Some(attempt) => {
            let (database, gateway) = (&context.database, context.gateway.as_ref());
            let actor = operator.as_actor();
            find_remainder(database, gateway, tenant, &attempt, &refunds, &actor)
                .await
                .remainder
        }
    };
    Ok(Settlement::of(&remainder, order.total.currency))
}
