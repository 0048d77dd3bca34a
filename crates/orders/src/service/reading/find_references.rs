//! Finds the external references of orders.

use std::collections::HashMap;

use oms_database::boxed;
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::external_reference::ExternalReference;
use crate::error::OrderError;
use crate::store::orders;

/// Returns the external references of the given orders. Orders without one are missing.
///
/// # Errors
/// If the database can't be reached.
#[boxed]
pub async fn find_references(
    context: &OrderContext,
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Result<HashMap<OrderId, ExternalReference>, OrderError> {
    if order_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut connection = context.database.acquire().await?;
    Ok(orders::find_references(&mut connection, tenant, order_ids).await?)
}
