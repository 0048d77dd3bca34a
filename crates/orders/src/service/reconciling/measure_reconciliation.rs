//! How many differences with the gateway's books are open, and how far the comparison is behind.

use std::time::Duration;

use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::error::OrderError;
use crate::service::reconciling::compared_tenants::compared_tenants;
use crate::store::{findings, reconciliation_progress};

/// How far the comparison has come, over all tenants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// Findings that are not resolved.
    pub open_findings: u64,
    /// Time since the last completed comparison, of the tenant that is furthest behind; `None` before the first.
    pub age: Option<Duration>,
}

/// Measures how far the comparison has come, over all tenants; `own` is the installation's own tenant.
///
/// # Errors
/// When the database can't be asked.
pub async fn measure_reconciliation(
    context: &OrderContext,
    own: TenantId,
) -> Result<Reconciliation, OrderError> {
    let tenants = compared_tenants(context, own).await?;
    let (now, gateway) = (context.now(), context.gateway.name());
    let mut connection = context.database.acquire().await?;
    let age = reconciliation_progress::find_age(&mut connection, now, gateway, &tenants).await?;
    Ok(Reconciliation {
        open_findings: findings::count_open(&mut connection).await?,
        age,
    })
}
