//! An operator says that a finding was settled outside.

use oms_validation::{OperatorName, TenantId};

use crate::context::OrderContext;
use crate::domain::finding::Finding;
use crate::domain::id::FindingId;
use crate::domain::reason::Reason;
use crate::error::OrderError;
use crate::service::end_finding::end_finding;
use crate::service::get_finding::get_finding;

/// Resolves an open finding, and returns it as it is then. It stays resolved, whatever later comparisons see.
///
/// # Errors
/// `FindingNotFound` when there is none in this store, `FindingResolved` when it is not open any more; else when the
/// database fails.
pub async fn resolve_finding(
    context: &OrderContext,
    tenant: TenantId,
    id: FindingId,
    operator: &OperatorName,
    reason: &Reason,
) -> Result<Finding, OrderError> {
    let finding = get_finding(context, tenant, id).await?;
    if finding.resolved.is_some() {
        return Err(OrderError::FindingResolved);
    }
    let by = operator.as_actor();
    if !end_finding(context, tenant, &finding, &by, reason.as_str()).await? {
        return Err(OrderError::FindingResolved);
    }
    get_finding(context, tenant, id).await
}
