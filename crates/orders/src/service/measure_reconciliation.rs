//! How much of the comparison with the gateway's books is open.

use std::time::Duration;

use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::error::OrderError;
use crate::store::{findings, reconciliation_progress};

/// How far the comparison of a store has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// Findings that nobody has resolved.
    pub open_findings: u64,
    /// For how long nothing was compared; none before the first time.
    pub age: Option<Duration>,
}

/// Measures how far the comparison of a store has come.
///
/// # Errors
/// When the database can't be asked.
pub async fn measure_reconciliation(
    context: &OrderContext,
    tenant: TenantId,
) -> Result<Reconciliation, OrderError> {
    let (now, gateway) = (context.now(), context.gateway.name());
    let mut connection = context.database.acquire().await?;
    Ok(Reconciliation {
        open_findings: findings::count_open(&mut connection, tenant).await?,
        age: reconciliation_progress::find_age(&mut connection, tenant, now, gateway).await?,
    })
}
