//! The interface through which a context describes its work list.

use std::error::Error;

use async_trait::async_trait;
use oms_validation::TenantId;

/// The entries of one claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<E> {
    /// The entries, the longest due first.
    pub entries: Vec<E>,
    /// Whether the batch is full, in which case more entries may be due.
    pub is_full: bool,
}

impl<E> Batch<E> {
    /// Creates the batch of a claim that was limited to `limit` entries.
    pub fn of(entries: Vec<E>, limit: usize) -> Self {
        Self {
            is_full: entries.len() >= limit,
            entries,
        }
    }
}

/// A work list: how due entries are found and claimed, and how an entry is processed.
#[async_trait]
pub trait WorkList: Sync {
    /// The unit of a claim: an entry, or several about the same subject.
    type Entry: Send + Sync;
    /// The result of a claim, for the summary of the turn.
    type Outcome: Send;
    /// A failure of the database or of a called service.
    type Error: Error + Send + Sync + 'static;

    /// A plural noun for the log, such as "orders".
    const ENTRIES: &'static str;

    /// Returns the tenants with due entries, the longest due first.
    async fn find_due_tenants(&self) -> Result<Vec<TenantId>, Self::Error>;

    /// Returns the tenants to visit while the tenants with due entries can't be found: if one node of a distributed
    /// database is down, the tenants on the other nodes are still processed. By default none.
    fn tenants_meanwhile(&self) -> Vec<TenantId> {
        Vec::new()
    }

    /// Claims a bounded number of due entries of a tenant, and skips those that another instance is claiming.
    async fn claim(&self, tenant: TenantId) -> Result<Batch<Self::Entry>, Self::Error>;

    /// Works on an entry, and finishes or postpones it.
    async fn work(&self, tenant: TenantId, entry: &Self::Entry) -> Self::Outcome;

    /// Postpones an entry on which [`WorkList::work`] panicked.
    async fn postpone_panicked(&self, tenant: TenantId, entry: &Self::Entry) -> Self::Outcome;
}
