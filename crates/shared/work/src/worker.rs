//! The interface of a background worker.

use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

/// The time of a worker's next turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After the interval, or when the worker is woken.
    AfterInterval,
    /// Immediately, because there is more to do.
    Immediately,
}

/// A background worker, which takes one bounded turn after another.
#[async_trait]
pub trait Worker: Send + Sync + 'static {
    /// Its name in the log and in metrics.
    fn name(&self) -> &'static str;

    /// The time between two turns. The runner varies it by a tenth, so that instances don't run in lockstep.
    fn interval(&self) -> Duration;

    /// Takes one turn. The worker reports its own failures; the next turn starts after the interval. A long turn checks
    /// `stopping`, and ends early once it is cancelled.
    async fn turn(&self, stopping: &CancellationToken) -> Next;
}
