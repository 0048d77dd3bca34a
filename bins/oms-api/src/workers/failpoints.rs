//! Failpoints at which a test can make a worker panic or end: `worker.<name>.turn` and `worker.<name>.pause`.

use std::time::Duration;

use async_trait::async_trait;
use oms_work::{CancellationToken, Next, Worker};

/// A worker with two failpoints. In a build without failpoints it is the bare worker.
pub(super) struct WithFailpoints<W> {
    worker: W,
    turn: &'static str,
    pause: &'static str,
}

impl<W: Worker> WithFailpoints<W> {
    pub(super) fn of(worker: W) -> Self {
        // The name is leaked on purpose: the worker lives as long as the program.
        let place = |end| -> &'static str { format!("worker.{}.{end}", worker.name()).leak() };
        Self {
            turn: place("turn"),
            pause: place("pause"),
            worker,
        }
    }
}

#[async_trait]
impl<W: Worker> Worker for WithFailpoints<W> {
    fn name(&self) -> &'static str {
        self.worker.name()
    }

    /// Evaluated outside a turn, so that a panic here ends the worker.
    fn interval(&self) -> Duration {
        oms_failpoints::reached(self.pause);
        self.worker.interval()
    }

    async fn turn(&self, stopping: &CancellationToken) -> Next {
        oms_failpoints::reached(self.turn);
        self.worker.turn(stopping).await
    }
}
