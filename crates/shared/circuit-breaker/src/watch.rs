//! What can be seen of failsafe's state machine from outside without changing it: failsafe itself only offers a
//! question that moves an open breaker to half-open.

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
    /// Counts changes of state.
    pub(crate) generation: u64,
    /// When the cool-down is over, while open.
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

    /// The cool-down that the next `on_open` will be about.
    pub(crate) fn note_cool_down(&self, cool_down: Duration) {
        self.lock().cool_down = cool_down;
    }

    fn enter(&self, state: BreakerState) -> Seen {
        let mut seen = self.lock();
        seen.state = state;
        seen.generation += 1;
        // Later than failsafe's own, which was set just before: when ours is over, so is failsafe's.
        seen.open_until = Instant::now() + seen.cool_down;
        *seen
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // Nothing panics while it is held, and every write leaves it whole.
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
        // failsafe also says so of a breaker that was just made.
        if self.enter(BreakerState::Closed).generation > 1 {
            tracing::info!(breaker = self.name, "circuit breaker closed");
        }
    }
}
