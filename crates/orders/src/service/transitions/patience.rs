//! Transactions that need an order which may be locked.
//!
//! A request that waits for a lock inside PostgreSQL occupies a connection. A few of them for one order would leave
//! none for all other orders. So a request waits here, without a connection, and retries from time to time.

use std::time::Duration;

use oms_database::{Connection, LockWait, transaction_within};
use oms_validation::TenantId;
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use crate::context::OrderContext;
use crate::error::{LockError, OrderError};
use crate::service::transitions::abort::Abort;

/// Minimum and maximum pause between two tries.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(40));

impl<R, E: LockError> LockError for Abort<R, E> {
    fn is_contended(&self) -> bool {
        matches!(self, Self::Failed(error) if error.is_contended())
    }
}

/// A request that needs a locked order.
pub(crate) struct Patience<'a> {
    context: &'a OrderContext,
    tenant: TenantId,
    id: Uuid,
    deadline: Instant,
    pause: Duration,
    turn: Option<OwnedMutexGuard<()>>,
}

impl<'a> Patience<'a> {
    /// Waits up to the batch wait. `id` is the ID of the order, or of the object that leads to it.
    pub(crate) fn new(context: &'a OrderContext, tenant: TenantId, id: Uuid) -> Self {
        Self {
            context,
            tenant,
            id,
            deadline: Instant::now() + context.settings.batch_wait,
            pause: PAUSES.0,
            turn: None,
        }
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
        let done = self.run(work).await;
        match &done {
            Err(error) if error.is_contended() => {}
            _ => {
                // The caller may need the order once more before it ends.
                self.turn = None;
                return Some(done);
            }
        }
        match self.wait().await {
            Ok(()) => None,
            Err(error) => Some(Err(error.into())),
        }
    }

    async fn run<T, E, Work>(&self, work: Work) -> Result<T, E>
    where
        Work: AsyncFnOnce(&mut Connection) -> Result<T, E>,
        E: LockError,
    {
        // Limits concurrent tries, however many orders are locked.
        let _permit = match self.turn {
            Some(_) => Some(self.context.patience(self.deadline).await?),
            None => None,
        };
        let mut connection = self.context.database.acquire().await?;
        transaction_within(&mut connection, LockWait::Brief, work).await
    }

    async fn wait(&mut self) -> Result<(), OrderError> {
        if self.turn.is_none() {
            let turn = self.context.lock_turns.of(self.tenant, self.id);
            let turn = timeout_at(self.deadline, turn.lock_owned()).await;
            self.turn = Some(turn.map_err(|_| OrderError::Contended)?);
            return Ok(());
        }
        if Instant::now() >= self.deadline {
            return Err(OrderError::Contended);
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSES.1);
        Ok(())
    }
}
