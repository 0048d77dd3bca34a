//! What a context says about a list of leased work.

use std::error::Error;

use async_trait::async_trait;
use oms_validation::TenantId;

/// The entries that one claim took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<E> {
    /// The entries, the longest due first.
    pub entries: Vec<E>,
    /// The batch is full: more entries may be due.
    pub is_full: bool,
}

impl<E> Batch<E> {
    /// The entries of a claim that was allowed `limit`.
    pub fn of(entries: Vec<E>, limit: usize) -> Self {
        Self {
            is_full: entries.len() >= limit,
            entries,
        }
    }
}

/// A list of leased work: which entries are due, how they are claimed, and what is done with one.
#[async_trait]
pub trait WorkList: Sync {
    /// What is worked on under one claim: an entry, or several about the same subject.
    type Entry: Send + Sync;
    /// The result of a claim, for the summary of the turn.
    type Outcome: Send;
    /// A failure of the database or of a service that is called.
    type Error: Error + Send + Sync + 'static;

    /// A plural noun for the log, such as "orders".
    const ENTRIES: &'static str;

    /// The tenants that have due entries, the longest due first.
    async fn find_due_tenants(&self) -> Result<Vec<TenantId>, Self::Error>;

    /// The tenants to work for while those that have due entries cannot be found. On a distributed engine one node may be down,
    /// and the tenants of the others are worked for. By default none.
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
