//! Continues erasures that their requests did not complete.

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

/// Maximum number of erasures of a tenant claimed together. Each erases up to 1,000 orders.
const BATCH: usize = 1;

/// Pages of each erasure per turn.
const PAGES: usize = 5;

/// How long a worker's claim on an erasure lasts. Longer than processing its pages takes.
const LEASE: Duration = Duration::from_secs(300);

/// The result of one turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErasureTurn {
    /// Number of orders erased.
    pub erased: u64,
    /// Whether an erasure was due. More work may be due, of another erasure or the same one.
    pub more: bool,
}

/// Continues the erasure of each tenant that has been due for longest. Call it again while `more` is true. Several
/// instances may call it at the same time.
///
/// # Errors
/// If the database can't list what is due. An erasure that fails is due again when its lease ends and delays no other.
/// Erased orders stay erased.
pub async fn continue_erasures(context: &OrderContext) -> Result<ErasureTurn, OrderError> {
    let turn = turn(&DueErasures(context), &context.stopping).await?;
    Ok(ErasureTurn {
        erased: turn.outcomes.iter().sum(),
        more: turn.more_due,
    })
}

/// The open erasures. The outcome of an entry is the number of orders erased.
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
        // The lease postpones it.
        0
    }
}

/// Age of the oldest incomplete erasure of all tenants. `None` if there is none.
///
/// # Errors
/// If the database does not answer.
pub async fn oldest_erasure(context: &OrderContext) -> Result<Option<Duration>, OrderError> {
    let (now, mut connection) = (context.now(), context.database.acquire().await?);
    Ok(erasures::oldest_age(&mut connection, now).await?)
}
