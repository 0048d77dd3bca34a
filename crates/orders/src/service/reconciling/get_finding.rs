//! Reads a finding: a difference between the gateway's books and ours.

use oms_database::boxed;
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::finding::Finding;
use crate::domain::id::FindingId;
use crate::error::ReconcilingError;
use crate::store::findings;

/// A finding by its ID.
///
/// # Errors
/// `FindingNotFound` if the tenant has no such finding; otherwise if the database can't be reached.
#[boxed]
pub async fn get_finding(
    context: &OrderContext,
    tenant: TenantId,
    id: FindingId,
) -> Result<Finding, ReconcilingError> {
    let mut connection = context.database.acquire().await?;
    let found = findings::find(&mut connection, tenant, id).await?;
    found.ok_or(ReconcilingError::FindingNotFound)
}
