//! An operator reports that a finding was settled outside oms.

use oms_database::boxed;
use oms_validation::{IdempotencyKey, Keyed, Once, OperatorName, TenantId};

use crate::context::OrderContext;
use crate::domain::finding::Finding;
use crate::domain::id::FindingId;
use crate::domain::reason::Reason;
use crate::error::{OrderError, ReconcilingError};
use crate::service::reconciling::end_finding::end_finding;
use crate::service::transitions::abort::{Abort, Lost, unless_lost};
use crate::service::transitions::claim_key::claim_key;
use crate::service::transitions::patience::Patience;
use crate::store::findings;

/// Resolves an open finding, and returns it. Runs once for each key. The finding stays resolved, whatever later
/// comparisons see.
///
/// # Errors
/// `FindingNotFound` if the tenant has no such finding, `FindingResolved` if it is already resolved, `KeyReused` if the
/// key belongs to another request; otherwise if the database fails.
#[boxed]
pub async fn resolve_finding(
    context: &OrderContext,
    tenant: TenantId,
    id: FindingId,
    key: Option<&IdempotencyKey>,
    operator: &OperatorName,
    reason: &Reason,
) -> Result<Once<Finding>, ReconcilingError> {
    let keyed = key.map(|key| Keyed::new(key, "resolve finding v1", &(id, reason.as_str())));
    let (now, by) = (context.now(), operator.as_actor());
    let mut patience = Patience::new(context, tenant, id.as_uuid());
    let resolved = loop {
        let tried = patience.attempt(async |connection| {
            if claim_key(connection, tenant, keyed.as_ref()).await? == Once::Before(()) {
                return Ok(Once::Before(()));
            }
            let finding = findings::find(connection, tenant, id).await?;
            let finding = finding.ok_or(Abort::Failed(ReconcilingError::FindingNotFound))?;
            if finding.resolved.is_some() {
                return Err(Abort::LOST);
            }
            end_finding(connection, tenant, now, &finding, &by, reason.as_str()).await?;
            Ok::<_, Abort<Lost, ReconcilingError>>(Once::Now(()))
        });
        if let Some(resolved) = tried.await {
            break resolved;
        }
    };
    let resolved = unless_lost(resolved)?.ok_or(ReconcilingError::FindingResolved)?;
    let finding = read(context, tenant, id).await;
    let finding = finding.map_err(OrderError::after_commit)?;
    let finding = finding.ok_or(ReconcilingError::FindingNotFound)?;
    Ok(resolved.map(|()| finding))
}

async fn read(
    context: &OrderContext,
    tenant: TenantId,
    id: FindingId,
) -> Result<Option<Finding>, OrderError> {
    let mut connection = context.database.acquire().await?;
    Ok(findings::find(&mut connection, tenant, id).await?)
}
