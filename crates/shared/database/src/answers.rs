//! What a connection asked the server and has no answer to.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Since when some connection of a pool has been silent that should have answered.
#[derive(Debug, Default)]
pub(crate) struct Suspicion(Mutex<Option<Instant>>);

impl Suspicion {
    /// A connection that was asked then did not answer: those that have not answered since may be as dead.
    pub(crate) fn found_silent(&self, asked: Instant) {
        let mut silent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *silent = Some(silent.map_or(asked, |since| since.max(asked)));
    }

    /// Whether a connection that last answered then is under suspicion.
    pub(crate) fn concerns(&self, last_answer: Instant) -> bool {
        let silent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        silent.is_some_and(|since| last_answer < since)
    }
}

/// The requests of one connection. Shared by its stream, which counts them, and by the pool, which looks at them.
#[derive(Debug)]
pub(crate) struct Answers {
    state: Mutex<State>,
    suspicion: Arc<Suspicion>,
}

#[derive(Debug)]
struct State {
    /// Requests that are not answered completely.
    open: usize,
    /// When the oldest of them was sent, or the one before it was answered.
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

    /// Nothing is asked any more: the connection is gone, or another server is asked in place of one that did not answer.
    pub(crate) fn forget(&self) {
        self.with(|state| state.open = 0);
    }

    /// The connection is given up, because the server is silent.
    pub(crate) fn found_silent(&self) {
        let since = self.with(|state| state.progress);
        self.suspicion.found_silent(since);
    }

    /// A request was sent.
    pub(crate) fn request_sent(&self) {
        let now = Instant::now();
        self.with(|state| {
            if state.open == 0 {
                (state.asked, state.progress) = (now, now);
            }
            state.open += 1;
        });
    }

    /// The server sent something, among it the ends of so many answers.
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

    /// For how long the server has been silent though it was asked. `None` when it owes nothing.
    pub(crate) fn silence(&self) -> Option<Duration> {
        self.with(|state| (state.open > 0).then(|| state.progress.elapsed()))
    }

    /// For how long the oldest open request has been. `None` when there is none.
    pub(crate) fn oldest(&self) -> Option<Duration> {
        self.with(|state| (state.open > 0).then(|| state.asked.elapsed()))
    }

    /// When a request was last answered.
    pub(crate) fn last_answer(&self) -> Instant {
        self.with(|state| state.answered)
    }
}
