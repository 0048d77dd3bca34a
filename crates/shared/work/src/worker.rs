//! What a background worker does in one turn.

use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

/// When a worker takes its next turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After the interval, or when it is woken.
    AfterInterval,
    /// Immediately: there is more to do.
    Immediately,
}

/// A background worker, which takes one bounded turn after another.
#[async_trait]
pub trait Worker: Send + Sync + 'static {
    /// Its name in the log and in metrics.
    fn name(&self) -> &'static str;

    /// The time between two turns. The runner varies it by a tenth, so that instances do not move in step.
    fn interval(&self) -> Duration;

    /// One turn. Failures are for the worker to report; the next turn comes after the interval. A turn that may take long
    /// looks at `stopping`, and ends early once it is cancelled.
    async fn turn(&self, stopping: &CancellationToken) -> Next;
}
