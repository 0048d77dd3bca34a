//! The unanswered requests of a connection.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The latest time from which a connection of the pool was silent although it owed an answer.
#[derive(Debug, Default)]
pub(crate) struct Suspicion(Mutex<Option<Instant>>);

impl Suspicion {
    /// Records that a connection did not answer a request sent at `asked`. Connections that have not answered since may
    /// be dead too.
    pub(crate) fn found_silent(&self, asked: Instant) {
        let mut silent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *silent = Some(silent.map_or(asked, |since| since.max(asked)));
    }

    /// Whether a connection with this last answer is suspect.
    pub(crate) fn concerns(&self, last_answer: Instant) -> bool {
        let silent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        silent.is_some_and(|since| last_answer < since)
    }
}

/// The requests of one connection, shared by its stream, which counts them, and by the pool, which reads them.
#[derive(Debug)]
pub(crate) struct Answers {
    state: Mutex<State>,
    suspicion: Arc<Suspicion>,
}

#[derive(Debug)]
struct State {
    /// Requests without a complete answer.
    open: usize,
    /// When the oldest of them was sent, or when the one before it was answered.
    asked: Instant,
    /// When the server last sent anything, or the oldest request was sent.
    progress: Instant,
    /// When a request was last answered.
    answered: Instant,
}

impl Answers {
    pub(crate) fn new(suspicion: Arc<Suspicion>) -> Self {
        let now = Instant::now();
        Self {
            state: Mutex::new(State {
                open: 0,
                asked: now,
                progress: now,
                answered: now,
            }),
            suspicion,
        }
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Forgets open requests, because the connection is closed or another server is tried.
    pub(crate) fn forget(&self) {
        self.with(|state| state.open = 0);
    }

    /// Records that the connection is closed because the server is silent.
    pub(crate) fn found_silent(&self) {
        let since = self.with(|state| state.progress);
        self.suspicion.found_silent(since);
    }

    /// Records a sent request.
    pub(crate) fn request_sent(&self) {
        let now = Instant::now();
        self.with(|state| {
            if state.open == 0 {
                (state.asked, state.progress) = (now, now);
            }
            state.open += 1;
        });
    }

    /// Records data from the server that completes `ends` answers.
    pub(crate) fn received(&self, ends: usize) {
        let now = Instant::now();
        self.with(|state| {
            state.progress = now;
            if ends > 0 {
                state.open = state.open.saturating_sub(ends);
                (state.asked, state.answered) = (now, now);
            }
        });
    }

    /// How long the server has been silent while it owes an answer. `None` if it owes none.
    pub(crate) fn silence(&self) -> Option<Duration> {
        self.with(|state| (state.open > 0).then(|| state.progress.elapsed()))
    }

    /// The age of the oldest open request. `None` if there is none.
    pub(crate) fn oldest(&self) -> Option<Duration> {
        self.with(|state| (state.open > 0).then(|| state.asked.elapsed()))
    }

    /// When a request was last answered.
    pub(crate) fn last_answer(&self) -> Instant {
        self.with(|state| state.answered)
    }
}
