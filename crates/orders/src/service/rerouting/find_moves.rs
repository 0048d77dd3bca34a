//! The moves of an order.

use oms_database::boxed;
use oms_fulfilment::find_moves as find;
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::error::{OrderError, ReroutingError};
use crate::service::rerouting::rerouted::{ExplainedMove, explain_move};
use crate::store::orders;

/// The moves of an order, oldest first, at most 100.
///
/// # Errors
/// `NotFound` if the tenant has no such order, or the database's error.
#[boxed]
pub async fn find_moves(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Vec<ExplainedMove>, ReroutingError> {
    let mut connection = context.database.acquire().await?;
    let status = orders::find_status(&mut connection, tenant, order_id).await?;
    status.ok_or(OrderError::NotFound)?;
    let mut explained = Vec::new();
    for made in find(&mut connection, tenant, order_id).await? {
        explained.push(explain_move(&mut connection, tenant, made).await?);
    }
    Ok(explained)
}
