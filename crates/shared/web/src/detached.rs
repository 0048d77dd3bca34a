//! Work that continues when its client disconnects.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use oms_errors::{INTERNAL, Problem};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::ProblemResponse;

/// The context of a crate's use cases, and the runtime that runs the work of requests.
pub struct Detached<C> {
    context: Arc<C>,
    runtime: Handle,
    tasks: TaskTracker,
}

impl<C> Detached<C> {
    /// Work runs in `runtime`, and is tracked by `tasks` so that its owner can wait for it.
    pub fn new(context: Arc<C>, runtime: Handle, tasks: TaskTracker) -> Self {
        Self {
            context,
            runtime,
            tasks,
        }
    }

    /// The context, for work that no client can interrupt.
    pub fn context(&self) -> &Arc<C> {
        &self.context
    }

    /// Runs `work` to its end. When a client resets its connection, actix-web drops the handler halfway. Only this
    /// future is dropped then: a dropped transaction would keep its locks.
    ///
    /// # Errors
    /// Those of `work`, and 500 if it panics.
    pub async fn run<W, T, E>(&self, work: impl FnOnce(Arc<C>) -> W) -> Result<T, ProblemResponse>
    where
        W: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        let work = work(self.context.clone());
        let (done, outcome) = oneshot::channel();
        let work = async move {
            // The client may be gone, and nobody waits for the outcome.
            let _ = done.send(work.await.map_err(E::into));
        };
        let ended = self.spawn(Box::pin(work)).await;
        ended.map_err(|error| Problem::of(&INTERNAL).with_source(error))?;
        Ok(outcome.await.expect("a task that ended has sent it")?)
    }

    /// Takes a box, so that the runtime's code is compiled once and not for the work of each handler.
    fn spawn(&self, work: BoxFuture<'static, ()>) -> JoinHandle<()> {
        self.tasks.spawn_on(work.in_current_span(), &self.runtime)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn work_is_finished_after_its_client_has_disconnected() {
        let detached = Detached::new(Arc::new(7), Handle::current(), TaskTracker::new());
        let (go, going) = oneshot::channel();
        let (done, finished) = oneshot::channel();
        let waiting = detached.run(|context| async move {
            going.await.expect("the test sends it");
            done.send(*context).expect("the test waits for it");
            Ok::<(), Problem>(())
        });
        let gone = tokio::time::timeout(Duration::from_millis(1), waiting).await;
        assert!(gone.is_err());
        go.send(()).unwrap();
        assert_eq!(finished.await, Ok(7));
    }

    #[tokio::test]
    async fn errors_of_the_work_are_passed_on_and_a_panic_is_a_500() {
        let detached = Detached::new(Arc::new(()), Handle::current(), TaskTracker::new());
        let refused =
            detached.run(async |_| Err::<(), _>(Problem::of(&oms_errors::BODY_TOO_LARGE)));
        let problem = refused.await.unwrap_err().0;
        assert_eq!(problem.problem_type(), &oms_errors::BODY_TOO_LARGE);
        let panicked = detached.run(async |_| -> Result<(), Problem> { panic!("a bug") });
        let problem = panicked.await.unwrap_err().0;
        assert_eq!(problem.problem_type(), &INTERNAL);
    }
}
