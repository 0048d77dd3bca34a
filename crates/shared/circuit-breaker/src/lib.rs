#![doc = include_str!("../README.md")]

mod cool_down;
mod gate;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gate::Gate;

/// The settings of a breaker.
#[derive(Clone, Copy, Debug)]
pub struct BreakerConfig {
    /// Consecutive failures that open it, at least 1.
    pub failures: u32,
    /// The first cool-down. Jitter shortens each cool-down by up to half.
    pub cool_down: Duration,
    /// Maximum cool-down. The cool-down doubles after every failed probe.
    pub max_cool_down: Duration,
    /// Maximum concurrent probes after a cool-down, at least 1.
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

/// The state of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Allows all calls.
    Closed,
    /// Allows a few calls, to probe whether the dependency has recovered.
    HalfOpen,
    /// Refuses calls, or, after the cool-down, waits for the call that will be the first probe.
    Open,
}

/// The error of a guarded call.
#[derive(Debug, thiserror::Error)]
pub enum BreakerError<E> {
    /// The breaker is open, or half-open with all probes in progress. The dependency was not called.
    #[error("the circuit breaker is open")]
    Refused,
    /// The error of the called dependency.
    #[error(transparent)]
    Inner(E),
}

/// Guards the calls to one dependency. Clones are cheap and share it.
#[derive(Clone)]
pub struct CircuitBreaker {
    name: &'static str,
    gate: Arc<Gate>,
}

impl CircuitBreaker {
    /// Creates a closed breaker. `name` identifies the dependency in the log and in metrics.
    pub fn new(name: &'static str, config: BreakerConfig) -> Self {
        let gate = Arc::new(Gate::new(name, config));
        Self { name, gate }
    }

    /// The name of the dependency.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The current state. Reading it doesn't change it.
    pub fn state(&self) -> BreakerState {
        self.gate.state()
    }

    /// Whether a call now would be refused: open and still cooling down, or half-open with all probes in progress.
    /// Reading it doesn't change the state.
    pub fn refuses(&self) -> bool {
        self.gate.refuses()
    }

    /// Runs `future` unless the breaker refuses it, and records the result.
    ///
    /// Errors for which `is_unavailable` returns `false` are answers of a working dependency. A time-out belongs inside
    /// `future`; dropping the returned future half-way records nothing.
    ///
    /// # Errors
    /// [`BreakerError::Refused`] without polling `future`, or the error of `future`.
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
