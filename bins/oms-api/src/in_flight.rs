//! How many requests may be under way at a time. What is over that is turned away at once, before it costs anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oms_errors::{OVERLOADED, Problem};

/// Counts the requests that are under way.
pub(crate) struct InFlight {
    most: usize,
    now: Arc<AtomicUsize>,
}

/// A request's place, which is free again once this is dropped: also when its client went away.
pub(crate) struct InFlightPlace(Arc<AtomicUsize>);

impl Drop for InFlightPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl InFlight {
    /// None are under way.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            now: Arc::default(),
        }
    }

    /// How many are under way, whenever it is asked.
    pub(crate) fn count(&self) -> impl Fn() -> usize + Send + Sync + use<> {
        let now = self.now.clone();
        move || now.load(Ordering::Relaxed)
    }

    /// A place, unless all are taken.
    pub(crate) fn enter(&self) -> Result<InFlightPlace, Problem> {
        let before = self.now.fetch_add(1, Ordering::Relaxed);
        let place = InFlightPlace(self.now.clone());
        if before < self.most {
            return Ok(place);
        }
        Err(Problem::of(&OVERLOADED).with_retry_after_s(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_places_and_each_is_free_again_when_it_is_left() {
        let in_flight = InFlight::new(2);
        let first = in_flight.enter();
        let second = in_flight.enter();
        assert!(first.is_ok() && second.is_ok());
        for _ in 0..10 {
            assert!(in_flight.enter().is_err());
        }
        drop(first);
        let third = in_flight.enter();
        assert!(third.is_ok() && in_flight.enter().is_err());
        drop((second, third));
        assert!(in_flight.enter().is_ok());
    }
}
