//! One turn with a work list: claim a batch of each tenant, and work on it.

use std::error::Error;
use std::panic::AssertUnwindSafe;

use futures_util::future::join_all;
use futures_util::{FutureExt, StreamExt, stream};
use oms_validation::TenantId;
use tokio_util::sync::CancellationToken;

use crate::list::{Batch, WorkList};

/// Maximum number of tenants that are processed concurrently.
const TENANTS_AT_A_TIME: usize = 4;

/// The result of one turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn<O> {
    /// The outcome of each entry.
    pub outcomes: Vec<O>,
    /// Whether more entries may be due. If so, another turn should follow immediately.
    pub more_due: bool,
}

/// Takes one turn: works on one batch of each tenant with due entries. Every tenant gets its batch before any tenant
/// gets another one. Several instances may take turns concurrently. Starts no further batch once `stopping` is
/// cancelled.
///
/// A failing entry never affects the others, and a tenant whose entries cannot be claimed never affects the other
/// tenants.
///
/// # Errors
/// When the tenants with due entries can't be found, and [`WorkList::tenants_meanwhile`] returns none.
pub async fn turn<L: WorkList>(
    list: &L,
    stopping: &CancellationToken,
) -> Result<Turn<L::Outcome>, L::Error> {
    let tenants = match list.find_due_tenants().await {
        Ok(tenants) => tenants,
        Err(error) => {
            let tenants = list.tenants_meanwhile();
            if tenants.is_empty() {
                return Err(error);
            }
            let cause: &dyn Error = &error;
            tracing::warn!(
                cause,
                entries = L::ENTRIES,
                "could not find the tenants with due entries; visiting all known tenants"
            );
            tenants
        }
    };
    let going = tenants.into_iter().take_while(|_| !stopping.is_cancelled());
    let batches = stream::iter(going)
        .map(|tenant| work_on_batch(list, tenant))
        .buffer_unordered(TENANTS_AT_A_TIME);
    let batches: Vec<Turn<L::Outcome>> = batches.collect().await;
    Ok(Turn {
        more_due: batches.iter().any(|batch| batch.more_due),
        outcomes: batches
            .into_iter()
            .flat_map(|batch| batch.outcomes)
            .collect(),
    })
}

async fn work_on_batch<L: WorkList>(list: &L, tenant: TenantId) -> Turn<L::Outcome> {
    let batch = list.claim(tenant).await.unwrap_or_else(|error| {
        let cause: &dyn Error = &error;
        tracing::warn!(%tenant, cause, entries = L::ENTRIES, "could not claim the entries of a tenant");
        Batch {
            entries: Vec::new(),
            is_full: false,
        }
    });
    // All entries are processed concurrently, because a lease could expire while its entry waits for others.
    let work = batch
        .entries
        .iter()
        .map(|entry| work_on(list, tenant, entry));
    Turn {
        more_due: batch.is_full,
        outcomes: join_all(work).await,
    }
}

async fn work_on<L: WorkList>(list: &L, tenant: TenantId, entry: &L::Entry) -> L::Outcome {
    match AssertUnwindSafe(list.work(tenant, entry))
        .catch_unwind()
        .await
    {
        Ok(outcome) => outcome,
        // The panic message is already on standard error.
        Err(_) => list.postpone_panicked(tenant, entry).await,
    }
}

#[cfg(test)]
mod tests;
