//! Creation of sessions for the pool, and tests of idle ones.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use diesel::ConnectionError;
use diesel_async::SimpleAsyncConnection;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::answers::{Answers, Suspicion};
use crate::connect::Server;
use crate::retirement;
use crate::session::Session;

/// Creates sessions, and tests them before reuse.
pub struct Sessions {
    server: Server,
    setup: String,
    bounds: Bounds,
    /// The runtime of the tasks that drive connections. An HTTP worker's runtime would end before the background work.
    runtime: Handle,
    watch: Arc<Watch>,
}

/// Limits of a server's silence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Maximum silence while it owes the answer to a statement.
    pub(crate) answer: Duration,
    /// Maximum silence while a session is tested.
    pub(crate) ping: Duration,
    /// Time after its last answer during which a session needs no test.
    pub(crate) fresh: Duration,
}

/// The unanswered requests of all sessions of a pool.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    answers: Mutex<Vec<Weak<Answers>>>,
    suspicion: Arc<Suspicion>,
}

impl Watch {
    /// The age of the oldest unanswered request.
    pub(crate) fn oldest(&self) -> Option<Duration> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|session| session.strong_count() > 0);
        let sessions = answers.iter().filter_map(Weak::upgrade);
        sessions.filter_map(|session| session.oldest()).max()
    }

    fn begin(&self) -> Arc<Answers> {
        let begun = Arc::new(Answers::new(self.suspicion.clone()));
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|session| session.strong_count() > 0);
        answers.push(Arc::downgrade(&begun));
        begun
    }
}

impl Sessions {
    /// Creates a manager of sessions to a server. Each session starts by running `setup`. Must be called inside the
    /// tokio runtime that will drive the connections.
    pub(crate) fn new(server: Server, setup: String, bounds: Bounds, watch: Arc<Watch>) -> Self {
        Self {
            server,
            setup,
            bounds,
            runtime: Handle::current(),
            watch,
        }
    }

    /// Begins to open a session. Not an `async fn`, because the code of those is compiled into each crate that awaits
    /// them, and every crate acquires sessions.
    fn begin(&self) -> Opening {
        let (server, setup) = (self.server.clone(), self.setup.clone());
        let (answers, most) = (self.watch.begin(), self.bounds.answer);
        Opening(self.runtime.spawn(async move {
            let mut session = Session::open(&server, answers, most).await?;
            if !setup.is_empty() {
                let set_up = session.batch_execute(&setup).await;
                set_up.map_err(ConnectionError::CouldntSetupConfiguration)?;
            }
            Ok(session)
        }))
    }
}

impl Manager for Sessions {
    type Type = Session;
    type Error = ConnectionError;

    async fn create(&self) -> Result<Session, ConnectionError> {
        let mut opening = self.begin();
        match (&mut opening.0).await {
            Ok(opened) => opened,
            Err(error) => Err(ConnectionError::BadConnection(error.to_string())),
        }
    }

    async fn recycle(
        &self,
        session: &mut Session,
        metrics: &Metrics,
    ) -> RecycleResult<ConnectionError> {
        if std::thread::panicking() || session.is_broken() {
            return Err(RecycleError::message("the connection is broken"));
        }
        if retirement::includes(metrics.created) {
            return Err(RecycleError::message("the session is retired"));
        }
        let last_answer = session.answers().last_answer();
        let is_fresh = last_answer.elapsed() < self.bounds.fresh;
        if is_fresh && session.answers().oldest().is_none() {
            return Ok(());
        }
        if self.watch.suspicion.concerns(last_answer) {
            return Err(RecycleError::message(
                "other connections of the same age are silent",
            ));
        }
        let asked = Instant::now();
        match timeout(self.bounds.ping, session.ping()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(RecycleError::Backend(
                ConnectionError::CouldntSetupConfiguration(error),
            )),
            Err(_) => {
                self.watch.suspicion.found_silent(asked);
                let silence_ms = self.bounds.ping.as_millis();
                tracing::warn!(
                    silence_ms,
                    "an idle connection to the database does not answer"
                );
                Err(RecycleError::message("the connection does not answer"))
            }
        }
    }
}

/// A task that opens a session. It is aborted when its caller is dropped.
struct Opening(JoinHandle<Result<Session, ConnectionError>>);

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.abort();
    }
}
