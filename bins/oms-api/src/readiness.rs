//! Whether orders can be placed. The database is checked at most once a second, regardless of the number of callers,
//! over a connection of its own. The age of the batches in progress is checked each time, in memory.
//!
//! Anyone may call this at any rate. So a result is cached, only one check is in progress at a time, and no connection
//! is taken from the pool of the orders: an exhausted pool says nothing about the database.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use oms_database::{Database, DbError, Fitness, Probe};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

/// How long a result is valid.
const REMEMBERED: Duration = Duration::from_secs(1);

/// Maximum age of a result that callers get while the next check is in progress.
const STALE: Duration = Duration::from_secs(5);

/// How long the database may take. With less, a busy database that still accepts orders would be reported as
/// unavailable.
const DEADLINE: Duration = Duration::from_secs(5);

/// Maximum number of requests that wait for a result. Further requests get the latest one.
const MOST_WAITING: usize = 100;

/// Whether orders can be placed, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) database: Verdict,
    /// A batch has been in progress for too long.
    pub(crate) is_stuck: bool,
}

impl Report {
    pub(crate) fn is_ready(self) -> bool {
        self.database == Verdict::Ready && !self.is_stuck
    }
}

/// The state of the database at its last check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ready,
    /// Migrations are pending.
    Outdated,
    /// The database accepts no changes: it is a standby, or set to read-only.
    ReadOnly,
    Unavailable,
}

/// Checks, and caches the result. Clones are cheap and share it.
#[derive(Clone)]
pub(crate) struct Readiness(Arc<Shared>);

struct Shared {
    runtime: Handle,
    probe: tokio::sync::Mutex<Probe>,
    state: Mutex<State>,
    answers: watch::Sender<()>,
    waiting: Semaphore,
    is_stuck: Box<dyn Fn() -> bool + Send + Sync>,
}

struct State {
    latest: (Instant, Verdict),
    is_asking: bool,
}

/// The next step for a caller.
enum Step {
    Answer(Verdict),
    /// The caller waits for a check; `begin` if it must start that check.
    Wait {
        begin: bool,
    },
}

impl Readiness {
    /// `is_stuck` reports whether a batch has been in progress for too long.
    ///
    /// Must be called inside the tokio runtime that drives the connection.
    pub(crate) fn new(
        database: Database,
        url: &str,
        is_stuck: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Shared {
            runtime: Handle::current(),
            probe: tokio::sync::Mutex::new(Probe::new(database, url, DEADLINE)),
            state: Mutex::new(State::new(Instant::now())),
            answers: watch::Sender::default(),
            waiting: Semaphore::new(MOST_WAITING),
            is_stuck: Box::new(is_stuck),
        }))
    }

    /// The state of the database, at most some seconds old, and of the batches.
    pub(crate) async fn check(&self) -> Report {
        Report {
            database: self.database().await,
            is_stuck: (self.0.is_stuck)(),
        }
    }

    async fn database(&self) -> Verdict {
        let mut answers = self.0.answers.subscribe();
        match self.state().next(Instant::now()) {
            Step::Answer(verdict) => return verdict,
            Step::Wait { begin: false } => {}
            Step::Wait { begin: true } => {
                // In a task, so that a caller that disconnects does not take the result from the others.
                let asking = self.clone();
                self.0.runtime.spawn(async move { asking.ask().await });
            }
        }
        if let Ok(_place) = self.0.waiting.try_acquire() {
            // This fails only when no further result will ever come.
            let _ = answers.changed().await;
        }
        self.state().latest.1
    }

    async fn ask(&self) {
        let mut probe = self.0.probe.lock().await;
        // Even if this panics, the waiting callers get a result, and the next caller checks again.
        let asked = AssertUnwindSafe(probe.ask()).catch_unwind().await;
        let asked =
            asked.unwrap_or_else(|_| Err(DbError::Unavailable("the probe panicked".to_owned())));
        drop(probe);
        let verdict = verdict(&asked);
        if verdict != Verdict::Ready {
            let cause = asked.err().map(|error| error.to_string());
            tracing::warn!(cause, ?verdict, "not ready");
        } else if (self.0.is_stuck)() {
            tracing::warn!("not ready: a batch of requests has been in progress for too long");
        }
        let mut state = self.state();
        state.latest = (Instant::now(), verdict);
        state.is_asking = false;
        drop(state);
        self.0.answers.send_replace(());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The server starts once the database is ready. The first caller starts a new check.
    fn new(now: Instant) -> Self {
        let asked_at = now.checked_sub(REMEMBERED).unwrap_or(now);
        Self {
            latest: (asked_at, Verdict::Ready),
            is_asking: false,
        }
    }

    fn next(&mut self, now: Instant) -> Step {
        let (asked_at, verdict) = self.latest;
        let age = now.saturating_duration_since(asked_at);
        if age < REMEMBERED || (self.is_asking && age < STALE) {
            return Step::Answer(verdict);
        }
        let begin = !self.is_asking;
        self.is_asking = true;
        Step::Wait { begin }
    }
}

fn verdict(asked: &Result<Fitness, DbError>) -> Verdict {
    match asked {
        Ok(fitness) if !fitness.is_writable => Verdict::ReadOnly,
        Ok(fitness) if !fitness.is_migrated => Verdict::Outdated,
        Ok(_) => Verdict::Ready,
        Err(_) => Verdict::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_checked_once_a_second_for_all_callers() {
        let started = Instant::now();
        let mut state = State::new(started);
        assert!(matches!(state.next(started), Step::Wait { begin: true }));
        let now = started + STALE;
        assert!(matches!(state.next(now), Step::Wait { begin: false }));
        state.latest = (now, Verdict::Unavailable);
        state.is_asking = false;
        let soon = now + REMEMBERED / 2;
        assert!(matches!(
            state.next(soon),
            Step::Answer(Verdict::Unavailable)
        ));
        let later = now + REMEMBERED;
        assert!(matches!(state.next(later), Step::Wait { begin: true }));
        // The others get the cached result, unless the check takes long.
        assert!(matches!(
            state.next(later),
            Step::Answer(Verdict::Unavailable)
        ));
        let too_late = now + STALE;
        assert!(matches!(state.next(too_late), Step::Wait { begin: false }));
    }

    #[test]
    fn a_server_that_accepts_no_changes_is_not_ready() {
        let fitness = |is_writable, is_migrated| {
            verdict(&Ok(Fitness {
                is_writable,
                is_migrated,
            }))
        };
        assert_eq!(fitness(true, true), Verdict::Ready);
        assert_eq!(fitness(true, false), Verdict::Outdated);
        assert_eq!(fitness(false, true), Verdict::ReadOnly);
        assert_eq!(
            verdict(&Err(DbError::StatementTimeout)),
            Verdict::Unavailable
        );
    }
}
