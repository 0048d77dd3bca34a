//! Telling people: each alert is handed to a sink once, and once more, under the same id, if the program dies before it
//! could note the delivery.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use oms_validation::TenantId;
use tokio::time::timeout;

use crate::context::OrderContext;
use crate::domain::alert::Alert;
use crate::error::OrderError;
use crate::store::alerts;

/// Most alerts of one store that are delivered at a time.
const BATCH: usize = 16;
/// Most tenants whose alerts are delivered at a time.
const TENANTS_AT_A_TIME: usize = 4;
/// How long a claimed alert is one instance's alone, and when it is delivered again if that failed.
const LEASE: Duration = Duration::from_secs(60);
/// Longest delivery. Shorter than the lease, so that no other instance delivers meanwhile.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);

/// Where alerts go: a log, a pager, a chat.
#[async_trait]
pub trait AlertSink: Send + Sync {
    /// Delivers an alert. May get one again, by the same id, if it has answered after 30 seconds or with an error, or the
    /// program died in between.
    async fn deliver(&self, alert: &Alert) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// Delivers the alerts that are due, and returns how many. One that can't be delivered is tried again later, and holds up
/// no other. Every tenant gets its batch before any gets a second one, and none gets another after a delivery that failed:
/// that tenant's turn comes with the next call.
///
/// # Errors
/// When the database can't be asked which tenants have alerts. A tenant whose alerts can't be read holds up no other.
pub async fn deliver_alerts(
    context: &OrderContext,
    sink: &dyn AlertSink,
) -> Result<usize, OrderError> {
    let mut connection = context.database.acquire().await?;
    let mut tenants = alerts::find_due_tenants(&mut connection, context.now()).await?;
    drop(connection);
    let mut delivered = 0;
    while !tenants.is_empty() {
        let batches = stream::iter(tenants)
            .map(|tenant| deliver_batch(context, sink, tenant))
            .buffer_unordered(TENANTS_AT_A_TIME);
        let batches: Vec<Batch> = batches.collect().await;
        delivered += batches.iter().map(|batch| batch.delivered).sum::<usize>();
        let unfinished = batches.into_iter().filter(|batch| batch.more_due);
        tenants = unfinished.map(|batch| batch.tenant).collect();
    }
    Ok(delivered)
}

/// What one batch of a tenant's alerts came to.
struct Batch {
    tenant: TenantId,
    delivered: usize,
    /// It was full and all of it was delivered: more may be due.
    more_due: bool,
}

async fn deliver_batch(context: &OrderContext, sink: &dyn AlertSink, tenant: TenantId) -> Batch {
    let claimed = claim(context, tenant).await.unwrap_or_else(|error| {
        let cause: &dyn Error = &error;
        tracing::warn!(%tenant, cause, "the alerts of a tenant could not be read");
        Vec::new()
    });
    let deliveries = claimed.iter().map(|alert| deliver(context, sink, alert));
    let outcomes = join_all(deliveries).await;
    let delivered = outcomes.into_iter().filter(|delivered| *delivered).count();
    Batch {
        tenant,
        delivered,
        more_due: delivered == BATCH,
    }
}

async fn claim(context: &OrderContext, tenant: TenantId) -> Result<Vec<Alert>, OrderError> {
    let mut connection = context.database.acquire().await?;
    let now = context.now();
    Ok(alerts::claim_due(&mut connection, tenant, now, BATCH, LEASE).await?)
}

async fn deliver(context: &OrderContext, sink: &dyn AlertSink, alert: &Alert) -> bool {
    let failed = match timeout(DELIVERY_TIMEOUT, sink.deliver(alert)).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("no answer in time".to_owned()),
    };
    if let Some(cause) = failed {
        tracing::warn!(alert_id = %alert.id, cause, "an alert could not be delivered");
        return false;
    }
    if let Err(error) = mark(context, alert).await {
        let cause: &dyn Error = &error;
        tracing::warn!(alert_id = %alert.id, cause, "an alert will be delivered again");
    }
    true
}

async fn mark(context: &OrderContext, alert: &Alert) -> Result<(), OrderError> {
    let mut connection = context.database.acquire().await?;
    let now = context.now();
    Ok(alerts::mark_delivered(&mut connection, alert.tenant_id, now, alert.id).await?)
}
