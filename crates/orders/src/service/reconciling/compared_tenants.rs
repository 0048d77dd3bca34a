//! Lists the tenants whose orders are compared with the gateway's charges.

use std::collections::BTreeSet;

use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::error::OrderError;
use crate::store::tenants;

/// Every tenant that has orders, and the installation's own, which gets the findings about charges of no tenant.
///
/// # Errors
/// If the database can't be reached.
pub async fn compared_tenants(
    context: &OrderContext,
    own: TenantId,
) -> Result<BTreeSet<TenantId>, OrderError> {
    let mut connection = context.database.acquire().await?;
    // The instance's own tenant gets findings even if it never has a request or an order.
    let tenants = context.database.tenants();
    tenants.register(&mut connection, own.as_uuid()).await?;
    let mut compared = BTreeSet::from([own]);
    compared.extend(tenants::list(&mut connection).await?);
    Ok(compared)
}
