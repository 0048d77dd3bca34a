//! Runs the background workers of the program.

use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::worker::{Next, Worker};

/// How long the first turn of a worker may hold back the first turns of the others.
const FIRST_TURN: Duration = Duration::from_secs(1);

/// The health of a running worker. Clones are cheap and share it.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    worker: &'static str,
    last_turn_ms: Arc<AtomicU64>,
    panics: Arc<AtomicU64>,
}

impl Heartbeat {
    fn new(worker: &'static str) -> Self {
        let heartbeat = Self {
            worker,
            last_turn_ms: Arc::default(),
            panics: Arc::default(),
        };
        heartbeat.beat();
        heartbeat
    }

    /// The name of the worker.
    pub fn worker(&self) -> &'static str {
        self.worker
    }

    /// When the worker last completed a turn, or started, as a duration since 1970.
    pub fn last_turn(&self) -> Duration {
        Duration::from_millis(self.last_turn_ms.load(Ordering::Relaxed))
    }

    /// The number of turns that panicked.
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    fn beat(&self) {
        // A clock before 1970 counts as 1970.
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.last_turn_ms.store(now_ms, Ordering::Relaxed);
    }
}

/// A worker that ended although it was not stopped, which is a bug.
#[derive(Debug)]
pub struct Ended {
    /// The name of the worker, unless it was aborted.
    pub worker: Option<&'static str>,
    /// The panic or abort, if it didn't return.
    pub cause: Option<JoinError>,
}

/// Runs the background workers of the program. Dropping it aborts them.
///
/// First turns are taken one after another, so that they share a database session. All at once, each would open its own
/// while the program starts. A first turn of more than a second holds back no other.
#[derive(Debug)]
pub struct Runner {
    stopping: CancellationToken,
    /// Held by the worker that takes its first turn.
    first_turn: Arc<Semaphore>,
    running: JoinSet<&'static str>,
}

impl Runner {
    /// Creates a runner without workers. Its workers stop after the turn during which `stopping` is cancelled.
    pub fn new(stopping: CancellationToken) -> Self {
        Self {
            stopping,
            first_turn: Arc::new(Semaphore::new(1)),
            running: JoinSet::new(),
        }
    }

    /// Starts a worker. Its first turn follows those of the workers that were started before it.
    pub fn start(&mut self, worker: impl Worker) -> Heartbeat {
        self.start_woken(worker, Arc::<Notify>::default())
    }

    /// Like [`Runner::start`]. A notification of `wake` starts a turn before the end of the interval.
    pub fn start_woken(
        &mut self,
        worker: impl Worker,
        wake: impl Deref<Target = Notify> + Send + Sync + 'static,
    ) -> Heartbeat {
        let heartbeat = Heartbeat::new(worker.name());
        let (shown, stopping) = (heartbeat.clone(), self.stopping.clone());
        let first_turn = self.first_turn.clone();
        self.running.spawn(async move {
            let permit = tokio::select! {
                permit = first_turn.acquire() => permit.ok(),
                () = stopping.cancelled() => None,
            };
            keep_turning(&worker, &wake, &shown, &stopping, permit).await;
            shown.worker
        });
        heartbeat
    }

    /// Resolves when a worker has ended although it was not stopped.
    pub async fn unexpected_end(&mut self) -> Ended {
        loop {
            match self.running.join_next().await {
                Some(_) if self.stopping.is_cancelled() => {}
                Some(Ok(worker)) => {
                    return Ended {
                        worker: Some(worker),
                        cause: None,
                    };
                }
                Some(Err(error)) => {
                    return Ended {
                        worker: None,
                        cause: Some(error),
                    };
                }
                None => std::future::pending().await,
            }
        }
    }

    /// Waits until every worker has finished its turn; aborts those that have not by the deadline.
    pub async fn stopped(mut self, deadline: Instant) {
        while let Ok(Some(ended)) = timeout_at(deadline, self.running.join_next()).await {
            if let Err(error) = ended {
                tracing::error!(%error, "a background worker failed");
            }
        }
        self.running.abort_all();
    }
}

async fn keep_turning(
    worker: &impl Worker,
    wake: &Notify,
    heartbeat: &Heartbeat,
    stopping: &CancellationToken,
    mut first_turn: Option<SemaphorePermit<'_>>,
) {
    while !stopping.is_cancelled() {
        let turn = AssertUnwindSafe(worker.turn(stopping)).catch_unwind();
        let next = give_up_if_long(first_turn.take(), turn).await;
        let next = next.map_or_else(
            |_| {
                heartbeat.panics.fetch_add(1, Ordering::Relaxed);
                // The panic message is already on standard error.
                tracing::error!(
                    worker = worker.name(),
                    "a turn of a background worker panicked"
                );
                Next::AfterInterval
            },
            |next| {
                heartbeat.beat();
                next
            },
        );
        if next == Next::AfterInterval {
            let pause = sleep(vary(worker.interval()));
            tokio::select! {
                () = stopping.cancelled() => {}
                () = wake.notified() => {}
                () = pause => {}
            }
        }
    }
}

/// Takes a turn, and gives up the permit when it ends or takes long.
async fn give_up_if_long<T>(
    permit: Option<SemaphorePermit<'_>>,
    turn: impl Future<Output = T>,
) -> T {
    let mut turn = pin!(turn);
    if permit.is_some()
        && let Ok(taken) = timeout(FIRST_TURN, &mut turn).await
    {
        return taken;
    }
    drop(permit);
    turn.await
}

/// Varies an interval by up to a tenth.
fn vary(interval: Duration) -> Duration {
    interval.mul_f64(rand::random_range(0.9..1.1))
}

#[cfg(test)]
mod tests;
