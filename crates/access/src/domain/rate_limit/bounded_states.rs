//! A bounded state store for the rate limiter.
//!
//! Governor's own stores grow with the number of keys until the program sweeps them.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use governor::nanos::Nanos;
use governor::state::StateStore;

/// The times at which the quotas of credentials are fully restored, by fingerprint. Lookups of known credentials share
/// a read lock.
pub(super) struct BoundedStates {
    most: usize,
    states: RwLock<HashMap<u64, AtomicU64>>,
}

impl BoundedStates {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            states: RwLock::default(),
        }
    }
}

impl StateStore for BoundedStates {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let states = self.states.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = states.get(key) {
            return replace(state, decide);
        }
        drop(states);
        let mut states = self.states.write().unwrap_or_else(PoisonError::into_inner);
        if states.len() >= self.most && !states.contains_key(key) {
            forget_the_idler_half(&mut states);
        }
        replace(states.entry(*key).or_default(), decide)
    }
}

/// Writes the new state of a decision, and decides again if another thread has changed the state.
fn replace<T, E>(
    state: &AtomicU64,
    decide: impl Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
) -> Result<T, E> {
    let mut known = state.load(Ordering::Acquire);
    loop {
        let before = NonZeroU64::new(known).map(|nanos| Nanos::from(nanos.get()));
        let (answer, after) = decide(before)?;
        let written =
            state.compare_exchange_weak(known, after.as_u64(), Ordering::AcqRel, Ordering::Acquire);
        match written {
            Ok(_) => return Ok(answer),
            Err(other) => known = other,
        }
    }
}

/// Removes the half that loses the least: quotas that are fully restored, or will be soonest.
fn forget_the_idler_half(states: &mut HashMap<u64, AtomicU64>) {
    let mut times: Vec<u64> = states.values_mut().map(|state| *state.get_mut()).collect();
    if times.is_empty() {
        return;
    }
    let middle = times.len() / 2;
    let last = *times.select_nth_unstable(middle).1;
    states.retain(|_, state| *state.get_mut() > last);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds to a state, and returns its previous value.
    fn add(states: &BoundedStates, key: u64, nanos: u64) -> Option<u64> {
        let added = states.measure_and_replace(&key, |before| {
            let before = before.map(Nanos::as_u64);
            let after = before.unwrap_or(0) + nanos;
            Ok::<_, ()>((before, Nanos::from(after)))
        });
        added.unwrap()
    }

    #[test]
    fn the_store_is_bounded_and_removes_the_idlest_half() {
        let states = BoundedStates::new(100);
        for key in 1..=100 {
            assert_eq!(add(&states, key, key), None);
        }
        assert_eq!(add(&states, 100, 1), Some(100));
        assert_eq!(add(&states, 101, 1000), None);
        let kept = states.states.read().unwrap().len();
        assert_eq!(kept, 50);
        assert_eq!(add(&states, 90, 1), Some(90));
        assert_eq!(add(&states, 101, 1), Some(1000));
        assert_eq!(add(&states, 10, 1), None);
        for key in 1000..10_000 {
            add(&states, key, key);
            assert!(states.states.read().unwrap().len() <= 100);
        }
    }

    #[test]
    fn a_refused_request_does_not_change_the_state() {
        let states = BoundedStates::new(1);
        add(&states, 1, 5);
        let refused = states.measure_and_replace(&1, |before| {
            Err::<((), Nanos), _>(before.map(Nanos::as_u64))
        });
        assert_eq!(refused, Err(Some(5)));
        assert_eq!(add(&states, 1, 1), Some(5));
    }

    #[test]
    fn a_store_of_one_state_serves_credentials_in_turn() {
        let states = BoundedStates::new(1);
        for key in 1..10 {
            assert_eq!(add(&states, key, key), None);
            assert_eq!(states.states.read().unwrap().len(), 1);
        }
    }
}
