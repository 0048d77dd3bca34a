//! A read-only view of failsafe's state machine. failsafe itself offers only a query that moves an open breaker to
//! half-open.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use failsafe::Instrument;

use crate::BreakerState;

#[derive(Clone, Debug)]
pub(crate) struct Watch {
    name: &'static str,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) state: BreakerState,
    /// Increments with each change of state.
    pub(crate) generation: u64,
    /// The end of the cool-down, while open.
    pub(crate) open_until: Instant,
    cool_down: Duration,
}

impl Watch {
    pub(crate) fn new(name: &'static str) -> Self {
        let seen = Seen {
            state: BreakerState::Closed,
            generation: 0,
            open_until: Instant::now(),
            cool_down: Duration::ZERO,
        };
        Self {
            name,
            seen: Arc::new(Mutex::new(seen)),
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        *self.lock()
    }

    /// Records the cool-down for the next `on_open`.
    pub(crate) fn note_cool_down(&self, cool_down: Duration) {
        self.lock().cool_down = cool_down;
    }

    fn enter(&self, state: BreakerState) -> Seen {
        let mut seen = self.lock();
        seen.state = state;
        seen.generation += 1;
        // Slightly later than failsafe's own time, so that failsafe's cool-down is over too when this one is.
        seen.open_until = Instant::now() + seen.cool_down;
        *seen
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // No code panics while it holds the lock, and every write is consistent.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Instrument for Watch {
    fn on_call_rejected(&self) {}

    fn on_open(&self) {
        let cool_down_ms = self.enter(BreakerState::Open).cool_down.as_millis();
        tracing::warn!(breaker = self.name, cool_down_ms, "circuit breaker opened");
    }

    fn on_half_open(&self) {
        self.enter(BreakerState::HalfOpen);
        tracing::info!(breaker = self.name, "circuit breaker is probing");
    }

    fn on_closed(&self) {
        // failsafe also calls this for a new breaker.
        if self.enter(BreakerState::Closed).generation > 1 {
            tracing::info!(breaker = self.name, "circuit breaker closed");
        }
    }
}
