//! Retries findings that could not be settled when they were recorded, because the program died or the gateway did not
//! answer.

use std::error::Error;

use async_trait::async_trait;
use oms_validation::TenantId;
use oms_work::{Batch, WorkList, turn};

use crate::context::OrderContext;
use crate::domain::finding::Finding;
use crate::domain::id::FindingId;
use crate::error::OrderError;
use crate::service::reconciling::settle_finding::settle_finding;
use crate::store::findings;

/// Maximum number of findings of a tenant claimed together.
const BATCH: usize = 16;

/// Tries once to settle each due finding of every tenant, and returns those that it settled. Several instances may call
/// it at the same time. Does nothing while the gateway's breaker refuses calls.
///
/// # Errors
/// If the database can't list what is due. A finding that can't be settled, and a tenant whose findings can't be read,
/// delay no other.
pub async fn settle_due_findings(
    context: &OrderContext,
) -> Result<Vec<(TenantId, FindingId)>, OrderError> {
    let mut settled = Vec::new();
    while context.gateway.is_available() && !context.stopping.is_cancelled() {
        let turn = turn(&DueFindings(context), &context.stopping).await?;
        settled.extend(turn.outcomes.into_iter().flatten());
        if !turn.more_due {
            break;
        }
    }
    Ok(settled)
}

/// The work list of findings whose action is due. The outcome of an entry is the finding, if it was settled.
struct DueFindings<'a>(&'a OrderContext);

#[async_trait]
impl WorkList for DueFindings<'_> {
    type Entry = Finding;
    type Outcome = Option<(TenantId, FindingId)>;
    type Error = OrderError;

    const ENTRIES: &'static str = "findings";

    async fn find_due_tenants(&self) -> Result<Vec<TenantId>, OrderError> {
        let mut connection = self.0.database.acquire().await?;
        let due = findings::find_due_tenants(&mut connection, self.0.now()).await?;
        Ok(due.into_iter().map(|due| due.tenant).collect())
    }

    fn tenants_meanwhile(&self) -> Vec<TenantId> {
        self.0.tenants_meanwhile()
    }

    async fn claim(&self, tenant: TenantId) -> Result<Batch<Finding>, OrderError> {
        let (gateway, lease) = (self.0.gateway.name(), self.0.settings.sweep_lease);
        let mut connection = self.0.database.acquire().await?;
        let now = self.0.now();
        let claimed =
            findings::claim_due(&mut connection, tenant, now, gateway, BATCH, lease).await?;
        Ok(Batch::of(claimed, BATCH))
    }

    async fn work(&self, tenant: TenantId, finding: &Finding) -> Self::Outcome {
        match settle_finding(self.0, tenant, finding).await {
            Ok(settled) => settled.then_some((tenant, finding.id)),
            Err(error) => {
                let cause: &dyn Error = &error;
                tracing::warn!(finding_id = %finding.id, cause, "a finding could not be settled");
                None
            }
        }
    }

    async fn postpone_panicked(&self, _: TenantId, _: &Finding) -> Self::Outcome {
        // The finding is due again when its lease expires.
        None
    }
}
