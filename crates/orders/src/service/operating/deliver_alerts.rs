//! Telling people: each alert is handed to a sink once, and once more, under the same id, if the program dies before it
//! could note the delivery.

use std::collections::HashSet;
use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use oms_validation::TenantId;
use oms_work::{Batch, WorkList, turn};
use tokio::time::timeout;

use crate::context::OrderContext;
use crate::domain::alert::Alert;
use crate::error::OrderError;
use crate::store::alerts::{self, ClaimedAlert};

/// Most alerts of one store that are delivered at a time.
const BATCH: usize = 16;
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

/// Delivers the due alerts of all tenants, and returns how many were delivered. An alert that can't be delivered is
/// delivered later, and holds up no other; the rest of its tenant's backlog then waits for the next call.
///
/// # Errors
/// When the database can't be asked which tenants have alerts. A tenant whose alerts can't be read holds up no other.
pub async fn deliver_alerts(
    context: &OrderContext,
    sink: &dyn AlertSink,
) -> Result<usize, OrderError> {
    let deliveries = Deliveries {
        context,
        sink,
        set_back: Mutex::default(),
    };
    let mut delivered = 0;
    loop {
        let turn = turn(&deliveries, &context.stopping).await?;
        delivered += turn
            .outcomes
            .iter()
            .filter(|is_delivered| **is_delivered)
            .count();
        if !turn.more_due || context.stopping.is_cancelled() {
            return Ok(delivered);
        }
    }
}

/// The undelivered alerts. The outcome of an entry is whether it was delivered.
struct Deliveries<'a> {
    context: &'a OrderContext,
    sink: &'a dyn AlertSink,
    /// The tenants of which a delivery failed: another one would take as long as the first, and hold up the other tenants.
    set_back: Mutex<HashSet<TenantId>>,
}

impl Deliveries<'_> {
    fn set_back(&self) -> MutexGuard<'_, HashSet<TenantId>> {
        self.set_back.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl WorkList for Deliveries<'_> {
    type Entry = ClaimedAlert;
    type Outcome = bool;
    type Error = OrderError;

    const ENTRIES: &'static str = "alerts";

    async fn find_due_tenants(&self) -> Result<Vec<TenantId>, OrderError> {
        let mut connection = self.context.database.acquire().await?;
        let due = alerts::find_due_tenants(&mut connection, self.context.now()).await?;
        let set_back = self.set_back();
        let due = due.into_iter().map(|due| due.tenant);
        Ok(due.filter(|tenant| !set_back.contains(tenant)).collect())
    }

    fn tenants_meanwhile(&self) -> Vec<TenantId> {
        let set_back = self.set_back();
        let mut tenants = self.context.tenants_meanwhile();
        tenants.retain(|tenant| !set_back.contains(tenant));
        tenants
    }

    async fn claim(&self, tenant: TenantId) -> Result<Batch<ClaimedAlert>, OrderError> {
        let mut connection = self.context.database.acquire().await?;
        let now = self.context.now();
        let claimed = alerts::claim_due(&mut connection, tenant, now, BATCH, LEASE).await?;
        Ok(Batch::of(claimed, BATCH))
    }

    async fn work(&self, tenant: TenantId, claimed: &ClaimedAlert) -> bool {
        let is_delivered = deliver(self.context, self.sink, claimed).await;
        if !is_delivered {
            self.set_back().insert(tenant);
        }
        is_delivered
    }

    async fn postpone_panicked(&self, tenant: TenantId, _: &ClaimedAlert) -> bool {
        // Its lease postpones it.
        self.set_back().insert(tenant);
        false
    }
}

async fn deliver(context: &OrderContext, sink: &dyn AlertSink, claimed: &ClaimedAlert) -> bool {
    let alert = &claimed.alert;
    let failed = match timeout(DELIVERY_TIMEOUT, sink.deliver(alert)).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("no answer in time".to_owned()),
    };
    if let Some(cause) = failed {
        tracing::warn!(alert_id = %alert.id, cause, "an alert could not be delivered");
        return false;
    }
    if let Err(error) = mark(context, claimed).await {
        let cause: &dyn Error = &error;
        tracing::warn!(alert_id = %alert.id, cause, "an alert will be delivered again");
    }
    true
}

async fn mark(context: &OrderContext, claimed: &ClaimedAlert) -> Result<(), OrderError> {
    let mut connection = context.database.acquire().await?;
    let now = context.now();
    Ok(alerts::mark_delivered(&mut connection, now, claimed).await?)
}
