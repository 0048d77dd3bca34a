//! Lists the tenants whose orders are compared with the gateway's charges.

use std::collections::BTreeSet;

use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::error::OrderError;
use crate::store::tenants;

/// Returns every tenant that has orders, and the installation's own tenant, which gets the findings about charges that
/// belong to no tenant.
///
/// # Errors
/// If the database can't be reached.
pub async fn compared_tenants(
    context: &OrderContext,
    own: TenantId,
) -> Result<BTreeSet<TenantId>, OrderError> {
    let mut connection = context.database.acquire().await?;
    // The installation's own tenant gets findings even if it never has a request or an order.
    let tenants = context.database.tenants();
    tenants.register(&mut connection, own.as_uuid()).await?;
    let mut compared = BTreeSet::from([own]);
    compared.extend(tenants::list(&mut connection).await?);
    Ok(compared)
}
