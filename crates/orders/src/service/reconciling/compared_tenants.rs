//! The tenants whose orders are compared with the gateway's charges.

use std::collections::BTreeSet;

use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::error::OrderError;
use crate::store::tenants;

/// Every tenant that has orders, and the installation's own, which has the findings about charges of no tenant.
///
/// # Errors
/// When the database can't be asked.
pub async fn compared_tenants(
    context: &OrderContext,
    own: TenantId,
) -> Result<BTreeSet<TenantId>, OrderError> {
    let mut connection = context.database.acquire().await?;
    // It has findings, and may have no request and no order of its own.
    let tenants = context.database.tenants();
    tenants.register(&mut connection, own.as_uuid()).await?;
    let mut compared = BTreeSet::from([own]);
    compared.extend(tenants::list(&mut connection).await?);
    Ok(compared)
}
