//! Limits the requests in flight. Further requests are refused immediately, before they cost anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oms_errors::{OVERLOADED, Problem};

/// Counts the requests in flight.
pub(crate) struct InFlight {
    most: usize,
    now: Arc<AtomicUsize>,
}

/// The place of a request. Dropping it frees the place, so a client that disconnects frees it too.
pub(crate) struct InFlightPlace(Arc<AtomicUsize>);

impl Drop for InFlightPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl InFlight {
    /// A counter with no requests in flight.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            now: Arc::default(),
        }
    }

    /// A function that returns the number of requests in flight.
    pub(crate) fn count(&self) -> impl Fn() -> usize + Send + Sync + use<> {
        let now = self.now.clone();
        move || now.load(Ordering::Relaxed)
    }

    /// Takes a place, unless all are taken.
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
    fn a_place_can_be_reused_after_it_is_released() {
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
