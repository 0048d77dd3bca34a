//! Measures how many findings are open, and how far behind the comparison is.

use std::time::Duration;

use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::error::OrderError;
use crate::service::reconciling::compared_tenants::compared_tenants;
use crate::store::{findings, reconciliation_progress};

/// The progress of the comparison, over all tenants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// Number of open findings.
    pub open_findings: u64,
    /// Time since the last completed comparison of the tenant that is furthest behind; `None` before the first.
    pub age: Option<Duration>,
}

/// Measures the progress of the comparison over all tenants. `own` is the installation's own tenant.
///
/// # Errors
/// If the database can't be reached.
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
