//! Going on with erasures that their requests did not complete.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use oms_validation::TenantId;
use oms_work::{Batch, WorkList, turn};

use crate::context::OrderContext;
use crate::domain::erasure::Erasure;
use crate::error::OrderError;
use crate::service::operating::erase_orders::erase_pages;
use crate::store::erasures;

/// Erasures of a tenant that are claimed at a time: each is up to 1,000 orders.
const BATCH: usize = 1;

/// Pages of each erasure in a turn.
const PAGES: usize = 5;

/// How long a claimed erasure belongs to one worker. Longer than its pages take.
const LEASE: Duration = Duration::from_secs(300);

/// A turn of the worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErasureTurn {
    /// Orders that were erased.
    pub erased: u64,
    /// Whether an erasure was due. Another one may be, or the same one again.
    pub more: bool,
}

/// Goes on with the erasure of each tenant that is longest due. Repeat it while there are more. Several instances may do so
/// at the same time.
///
/// # Errors
/// When the database can't be asked what is due. An erasure that fails is due again when its lease ends, and holds up no
/// other; what was erased before stays erased.
pub async fn continue_erasures(context: &OrderContext) -> Result<ErasureTurn, OrderError> {
    let turn = turn(&DueErasures(context), &context.stopping).await?;
    Ok(ErasureTurn {
        erased: turn.outcomes.iter().sum(),
        more: turn.more_due,
    })
}

/// The open erasures. The outcome of one is how many orders were erased.
struct DueErasures<'a>(&'a OrderContext);

#[async_trait]
impl WorkList for DueErasures<'_> {
    type Entry = Erasure;
    type Outcome = u64;
    type Error = OrderError;

    const ENTRIES: &'static str = "erasures";

    async fn find_due_tenants(&self) -> Result<Vec<TenantId>, OrderError> {
        let mut connection = self.0.database.acquire().await?;
        let due = erasures::find_due_tenants(&mut connection, self.0.now()).await?;
        Ok(due.into_iter().map(|due| due.tenant).collect())
    }

    fn tenants_meanwhile(&self) -> Vec<TenantId> {
        self.0.tenants_meanwhile()
    }

    async fn claim(&self, tenant: TenantId) -> Result<Batch<Erasure>, OrderError> {
        let mut connection = self.0.database.acquire().await?;
        let now = self.0.now();
        let claimed = erasures::claim_due(&mut connection, tenant, now, BATCH, LEASE).await?;
        Ok(Batch::of(claimed, BATCH))
    }

    async fn work(&self, tenant: TenantId, erasure: &Erasure) -> u64 {
        match erase_pages(self.0, tenant, erasure.clone(), PAGES).await {
            Ok((_, erased)) => erased,
            Err(error) => {
                let cause: &dyn Error = &error;
                tracing::warn!(erasure_id = %erasure.id, cause, "a customer could not be erased");
                0
            }
        }
    }

    async fn postpone_panicked(&self, _: TenantId, _: &Erasure) -> u64 {
        // Its lease postpones it.
        0
    }
}

/// For how long the oldest erasure that is not complete has been open, of all tenants. `None` when there is none.
///
/// # Errors
/// When the database does not answer.
pub async fn oldest_erasure(context: &OrderContext) -> Result<Option<Duration>, OrderError> {
    let (now, mut connection) = (context.now(), context.database.acquire().await?);
    Ok(erasures::oldest_age(&mut connection, now).await?)
}
