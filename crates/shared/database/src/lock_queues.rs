//! Transactions that need rows which may be locked.
//!
//! A request that waits for a lock inside PostgreSQL occupies a connection. A few of them for one row would leave none
//! for all other requests. So a request waits here, without a connection, and retries from time to time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, Semaphore};
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use crate::{Connection, Database, DbError, LockWait, transaction_within};

/// Minimum and maximum pause between two tries.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(40));

type Turn = tokio::sync::Mutex<()>;

/// One queue for each locked object, by tenant and ID. One request of a queue tries to lock the object; the others wait
/// behind it in arrival order. The requests of all queues together occupy at most a quarter of the pool's connections.
pub struct LockQueues {
    database: Database,
    wait: Duration,
    tries: Semaphore,
    queues: Mutex<HashMap<(Uuid, Uuid), Weak<Turn>>>,
}

impl LockQueues {
    /// Creates the queues of a pool. A request waits up to `wait` for its locks.
    pub fn new(database: Database, wait: Duration) -> Self {
        let tries = (database.status().max_size / 4).max(1);
        Self {
            database,
            wait,
            tries: Semaphore::new(tries),
            queues: Mutex::default(),
        }
    }

    /// Prepares a request of a tenant. `id` is the ID of the object to lock, or of what leads to it. The wait begins
    /// now.
    pub fn request(&self, tenant: Uuid, id: Uuid) -> LockRequest<'_> {
        LockRequest {
            queues: self,
            object: (tenant, id),
            deadline: Instant::now() + self.wait,
            pause: PAUSES.0,
            turn: None,
        }
    }

    fn turn_of(&self, object: (Uuid, Uuid)) -> Arc<Turn> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = queues.get(&object).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::default();
        queues.insert(object, Arc::downgrade(&turn));
        turn
    }
}

/// A request that needs a locked object.
pub struct LockRequest<'a> {
    queues: &'a LockQueues,
    object: (Uuid, Uuid),
    deadline: Instant,
    pause: Duration,
    turn: Option<OwnedMutexGuard<()>>,
}

impl LockRequest<'_> {
    /// Runs a transaction that locks the object. Returns `None` if the object is locked: nothing was done, and the
    /// caller must call again. The pause between tries is included.
    ///
    /// # Errors
    /// [`DbError::LockTimeout`] if the object stays locked for too long; otherwise those of `work` and of the database.
    /// `is_contended` says whether an error means that a lock was missing.
    pub async fn attempt<T, E: From<DbError>>(
        &mut self,
        is_contended: impl Fn(&E) -> bool,
        work: impl AsyncFnOnce(&mut Connection) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let done = match self.try_once(work).await {
            Err(error) if is_contended(&error) => match self.wait().await {
                Ok(()) => return None,
                Err(error) => Err(error.into()),
            },
            done => done,
        };
        // The caller may go on with another transaction for the object, which would wait for this turn.
        self.turn = None;
        Some(done)
    }

    async fn try_once<T, E: From<DbError>>(
        &self,
        work: impl AsyncFnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        // Limits concurrent tries, however many objects are locked.
        let _permit = match self.turn {
            Some(_) => {
                let permit = timeout_at(self.deadline, self.queues.tries.acquire()).await;
                let permit = permit.map_err(|_| DbError::LockTimeout)?;
                Some(permit.expect("the semaphore is never closed"))
            }
            None => None,
        };
        let mut connection = self.queues.database.acquire().await?;
        transaction_within(&mut connection, LockWait::Brief, work).await
    }

    async fn wait(&mut self) -> Result<(), DbError> {
        if self.turn.is_none() {
            let turn = self.queues.turn_of(self.object).lock_owned();
            let turn = timeout_at(self.deadline, turn).await;
            self.turn = Some(turn.map_err(|_| DbError::LockTimeout)?);
            return Ok(());
        }
        if Instant::now() >= self.deadline {
            return Err(DbError::LockTimeout);
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSES.1);
        Ok(())
    }
}
