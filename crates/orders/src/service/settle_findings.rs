//! Takes up findings that could not be put right at once: the program died, or the gateway did not answer.

use futures_util::future::join_all;
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::finding::Finding;
use crate::domain::id::FindingId;
use crate::error::OrderError;
use crate::service::settle_finding::settle_finding;
use crate::store::findings;

/// Most findings that are taken on at a time. All are settled at once: one that waited for its turn could outlive its
/// lease.
const BATCH: usize = 16;

/// Tries once to put right each finding of a store that is due, and returns those that are right now. Several instances
/// may do so at once. Does nothing while the gateway's breaker refuses calls.
///
/// # Errors
/// When the database can't be asked what is due. A finding that can't be put right holds up no other.
pub async fn settle_findings(
    context: &OrderContext,
    tenant: TenantId,
) -> Result<Vec<FindingId>, OrderError> {
    let mut settled = Vec::new();
    while context.gateway.is_available() {
        let batch = settle_batch(context, tenant).await?;
        settled.extend(batch.settled);
        if !batch.more_due {
            break;
        }
    }
    Ok(settled)
}

/// What one batch of findings came to.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) settled: Vec<FindingId>,
    /// It was full: more may be due.
    pub(crate) more_due: bool,
}

/// Claims one batch of due findings of a tenant and tries once to settle each.
pub(crate) async fn settle_batch(
    context: &OrderContext,
    tenant: TenantId,
) -> Result<Batch, OrderError> {
    let claimed = claim(context, tenant).await?;
    let tries = claimed
        .iter()
        .map(|finding| settle(context, tenant, finding));
    Ok(Batch {
        settled: join_all(tries).await.into_iter().flatten().collect(),
        more_due: claimed.len() >= BATCH,
    })
}

async fn claim(context: &OrderContext, tenant: TenantId) -> Result<Vec<Finding>, OrderError> {
    let (gateway, lease) = (context.gateway.name(), context.settings.sweep_lease);
    let mut connection = context.database.acquire().await?;
    let now = context.now();
    Ok(findings::claim_due(&mut connection, tenant, now, gateway, BATCH, lease).await?)
}

async fn settle(context: &OrderContext, tenant: TenantId, finding: &Finding) -> Option<FindingId> {
    match settle_finding(context, tenant, finding).await {
        Ok(settled) => settled.then_some(finding.id),
        Err(error) => {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(finding_id = %finding.id, cause, "a finding could not be put right");
            None
        }
    }
}
