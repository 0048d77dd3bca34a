//! Transactions that need an order which may be locked.

use oms_database::{Connection, LockRequest};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::context::OrderContext;
use crate::error::{LockError, OrderError};
use crate::service::transitions::abort::Abort;

impl<R, E: LockError> LockError for Abort<R, E> {
    fn is_contended(&self) -> bool {
        matches!(self, Self::Failed(error) if error.is_contended())
    }
}

/// A request that needs a locked order.
pub(crate) struct Patience<'a>(LockRequest<'a>);

impl<'a> Patience<'a> {
    /// Waits up to the batch wait. `id` is the ID of the order, or of the object that leads to it.
    pub(crate) fn new(context: &'a OrderContext, tenant: TenantId, id: Uuid) -> Self {
        Self(context.locks.request(tenant.as_uuid(), id))
    }

    /// Runs a transaction that locks the order. Returns `None` if the order is locked: nothing was done, and the caller
    /// must call again. The pause between tries is included.
    ///
    /// # Errors
    /// `Contended` if the order stays locked for too long; otherwise those of `work` and of the database.
    pub(crate) async fn attempt<T, E, Work>(&mut self, work: Work) -> Option<Result<T, E>>
    where
        Work: AsyncFnOnce(&mut Connection) -> Result<T, E>,
        E: LockError,
    {
        let done = self.0.attempt(E::is_contended, work).await?;
        Some(done.map_err(|error| match error.is_contended() {
            true => OrderError::Contended.into(),
            false => error,
        }))
    }
}
