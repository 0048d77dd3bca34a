#![doc = include_str!("../README.md")]

mod cool_down;
mod gate;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gate::Gate;

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct BreakerConfig {
    /// Consecutive failures that open it; at least 1.
    pub failures: u32,
    /// The first cool-down. Each is between half of its length and all of it, by chance.
    pub cool_down: Duration,
    /// The cool-down doubles after every failed probe, up to this.
    pub max_cool_down: Duration,
    /// Calls let through at a time after a cool-down; at least 1.
    pub half_open_probes: usize,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            failures: 5,
            cool_down: Duration::from_secs(5),
            max_cool_down: Duration::from_secs(60),
            half_open_probes: 1,
        }
    }
}

/// What a breaker does with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Lets them through.
    Closed,
    /// Lets a few through, to see whether the dependency is back.
    HalfOpen,
    /// Refuses them; or, once the cool-down is over, waits for the call that will be the first probe.
    Open,
}

/// A guarded call that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum BreakerError<E> {
    /// The breaker is open, or half-open with all probes out. The dependency was not called.
    #[error("the circuit breaker is open")]
    Refused,
    /// The dependency was called, and this is its error.
    #[error(transparent)]
    Inner(E),
}

/// Guards the calls to one dependency. Cloning it is cheap and shares it.
#[derive(Clone)]
pub struct CircuitBreaker {
    name: &'static str,
    gate: Arc<Gate>,
}

impl CircuitBreaker {
    /// A closed breaker. `name` is the dependency's, in the log and in metrics.
    pub fn new(name: &'static str, config: BreakerConfig) -> Self {
        let gate = Arc::new(Gate::new(name, config));
        Self { name, gate }
    }

    /// The dependency's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it does with calls. Asking changes nothing.
    pub fn state(&self) -> BreakerState {
        self.gate.state()
    }

    /// Whether a call now would be refused: open and still cooling down, or half-open with all probes out.
    /// Asking changes nothing.
    pub fn refuses(&self) -> bool {
        self.gate.refuses()
    }

    /// Runs `future`, unless the breaker refuses it, and records how it went.
    ///
    /// Errors for which `is_unavailable` is false are answers of a dependency that works. A time-out belongs inside
    /// `future`; dropping this one half-way records nothing.
    ///
    /// # Errors
    /// [`BreakerError::Refused`] without having polled `future`, or its own error.
    pub async fn call<T, E>(
        &self,
        is_unavailable: impl Fn(&E) -> bool,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, BreakerError<E>> {
        let permit = self.gate.enter().ok_or(BreakerError::Refused)?;
        let result = future.await;
        match &result {
            Err(error) if is_unavailable(error) => permit.failed(),
            Ok(_) | Err(_) => permit.succeeded(),
        }
        result.map_err(BreakerError::Inner)
    }
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("name", &self.name)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
