//! Reads a fulfilment order.

use oms_database::boxed;
use oms_validation::TenantId;

use crate::context::FulfilmentContext;
use crate::domain::fulfilment_order::FulfilmentOrder;
use crate::domain::id::FulfilmentOrderId;
use crate::error::FulfilmentError;
use crate::store::fulfilment_orders;

/// Returns a fulfilment order with its lines and holds.
///
/// # Errors
/// `NotFound`, or the database's error.
#[boxed]
pub async fn get_fulfilment_order(
    context: &FulfilmentContext,
    tenant: TenantId,
    id: FulfilmentOrderId,
) -> Result<FulfilmentOrder, FulfilmentError> {
    let mut connection = context.database.acquire().await?;
    let found = fulfilment_orders::find(&mut connection, tenant, None, &[id]).await?;
    found.into_iter().next().ok_or(FulfilmentError::NotFound)
}
