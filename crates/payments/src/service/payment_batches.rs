//! Writes of payments that are batched across orders.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use oms_batching::{Answer, Batch, BatchError, Batcher, Counts, Limits, NotDone, Turn, Work};
use oms_database::{Database, DbError, LockWait};
use oms_validation::TenantId;

use crate::store::attempts::{self, Sent};
use crate::{AttemptId, Reference, UnsavedCalls};

/// A prepared payment's reference, and the attempt that it belongs to.
struct Prepared {
    attempt_id: AttemptId,
    reference: Reference,
    calls: UnsavedCalls,
}

/// Stores the gateway references of orders that are being paid at the same time, in one statement.
pub struct PaymentBatches {
    pub(crate) database: Database,
    references: Batcher<References>,
}

impl PaymentBatches {
    /// Batches within these limits. Must be called inside the tokio runtime in which the batches run.
    pub fn new(database: Database, limits: Limits) -> Self {
        Self {
            database,
            references: Batcher::new(limits),
        }
    }

    /// Counts of the batches so far.
    pub fn counts(&self) -> Counts {
        self.references.counts()
    }

    /// How long the oldest batch has been in progress; `None` when none is.
    pub fn oldest(&self) -> Option<Duration> {
        self.references.oldest()
    }

    /// Moves an attempt from `Created` to `Sent`, with its reference. False when the attempt is in any other state.
    pub(crate) async fn store_reference(
        &self,
        tenant_id: TenantId,
        attempt_id: AttemptId,
        reference: &Reference,
        calls: &UnsavedCalls,
    ) -> Result<bool, DbError> {
        let prepared = Arc::new(Prepared {
            attempt_id,
            reference: reference.clone(),
            calls: calls.clone(),
        });
        let work = References(self.database.clone());
        let stored = self.references.submit(tenant_id, prepared, &work).await;
        match stored {
            Ok(stored) => stored.map_err(|NotStored(error)| error),
            Err(NotDone::Blocked) => Err(DbError::LockTimeout),
            Err(refused) => Err(DbError::Unavailable(refused.to_string())),
        }
    }
}

/// Stores references.
#[derive(Clone)]
struct References(Database);

/// Why references were not stored.
struct NotStored(DbError);

impl BatchError for NotStored {
    fn shared(&self) -> Option<Self> {
        self.0.shared().map(Self)
    }

    fn is_contended(&self) -> bool {
        self.0.is_contended()
    }
}

impl Work for References {
    type Key = TenantId;
    type Item = Prepared;
    type Output = bool;
    type Error = NotStored;
    type Blocker = Infallible;

    async fn run(
        &self,
        tenant_id: TenantId,
        batch: Batch<Self>,
    ) -> Result<Vec<Answer<bool, Infallible>>, NotStored> {
        let wait = match batch.turn {
            Turn::Together | Turn::Alone => LockWait::Brief,
            Turn::Patient => LockWait::Session,
        };
        let stored = store(&self.0, tenant_id, &batch.items, wait).await;
        let stored = stored.map_err(NotStored)?;
        Ok(stored.into_iter().map(Answer::Done).collect())
    }
}

async fn store(
    database: &Database,
    tenant_id: TenantId,
    prepared: &[Arc<Prepared>],
    wait: LockWait,
) -> Result<Vec<bool>, DbError> {
    let sent: Vec<Sent<'_>> = prepared
        .iter()
        .map(|it| Sent {
            attempt_id: it.attempt_id,
            reference: &it.reference,
            calls: &it.calls,
        })
        .collect();
    let mut connection = database.acquire().await?;
    let stored = attempts::store_references(&mut connection, tenant_id, &sent, wait).await?;
    let is_stored = |it: &Sent<'_>| stored.contains(&it.attempt_id);
    Ok(sent.iter().map(is_stored).collect())
}
