//! The writes of payments that are done together with those of other orders.

use std::sync::Arc;

use oms_batching::{Batcher, Counts, Limits, NotDone};
use oms_database::{Database, DbError};
use oms_validation::TenantId;

use crate::store::attempts::{self, Sent};
use crate::{AttemptId, Reference, UnsavedCalls};

/// A reference that was prepared, and what it belongs to.
struct Prepared {
    attempt_id: AttemptId,
    reference: Reference,
    calls: UnsavedCalls,
}

/// Stores the gateway's references of orders that are being paid at the same time in one statement.
pub struct PaymentBatches {
    pub(crate) database: Database,
    references: Batcher<TenantId, Prepared, bool, DbError>,
}

impl PaymentBatches {
    /// Batches within these bounds. Has to be called inside the tokio runtime in which they shall run.
    pub fn new(database: Database, limits: Limits) -> Self {
        Self {
            database,
            references: Batcher::new(limits),
        }
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        self.references.counts()
    }

    /// `Created` becomes `Sent`, with its reference. False when the attempt is in any other state.
    pub(crate) async fn store_reference(
        &self,
        tenant_id: TenantId,
        attempt_id: AttemptId,
        reference: &Reference,
        calls: &UnsavedCalls,
    ) -> Result<bool, DbError> {
        let prepared = Prepared {
            attempt_id,
            reference: reference.clone(),
            calls: calls.clone(),
        };
        let database = self.database.clone();
        let work = move |tenant_id, prepared| store(database.clone(), tenant_id, prepared);
        let stored = self
            .references
            .submit(tenant_id, Arc::new(prepared), work)
            .await;
        stored.unwrap_or_else(|refused: NotDone| Err(DbError::Unavailable(refused.to_string())))
    }
}

async fn store(
    database: Database,
    tenant_id: TenantId,
    prepared: Vec<Arc<Prepared>>,
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
    let stored = attempts::store_references(&mut connection, tenant_id, &sent).await?;
    let is_stored = |it: &Sent<'_>| stored.contains(&it.attempt_id);
    Ok(sent.iter().map(is_stored).collect())
}
