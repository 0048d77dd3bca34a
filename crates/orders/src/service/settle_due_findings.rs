//! Settles the due findings of all tenants, so that no tenant waits for another one's backlog.

use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::id::FindingId;
use crate::error::OrderError;
use crate::service::settle_findings::{Batch, settle_batch};
use crate::store::findings;

/// Tries once to settle each finding that is due, one batch of each tenant at a time, and returns those that are settled
/// now. Several instances may do so at the same time. Does nothing while the gateway's breaker refuses calls.
///
/// # Errors
/// When the database can't be asked what is due. A tenant whose findings can't be read holds up no other.
pub async fn settle_due_findings(
    context: &OrderContext,
) -> Result<Vec<(TenantId, FindingId)>, OrderError> {
    let (now, gateway) = (context.now(), context.gateway.name());
    let mut connection = context.database.acquire().await?;
    let mut tenants = findings::find_due_tenants(&mut connection, now, gateway).await?;
    drop(connection);
    let mut settled = Vec::new();
    while !tenants.is_empty() && context.gateway.is_available() {
        let mut unfinished = Vec::new();
        for tenant in tenants {
            let batch = settle_or_warn(context, tenant).await;
            settled.extend(batch.settled.into_iter().map(|id| (tenant, id)));
            if batch.more_due {
                unfinished.push(tenant);
            }
        }
        tenants = unfinished;
    }
    Ok(settled)
}

async fn settle_or_warn(context: &OrderContext, tenant: TenantId) -> Batch {
    settle_batch(context, tenant).await.unwrap_or_else(|error| {
        let cause: &dyn std::error::Error = &error;
        tracing::warn!(%tenant, cause, "the findings of a tenant could not be settled");
        Batch::default()
    })
}
