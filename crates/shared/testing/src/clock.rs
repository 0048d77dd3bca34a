//! A clock that stands still until the test makes time pass.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

/// A clock of one test's own.
#[derive(Debug)]
pub struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    /// Stands at noon of some day that is not today.
    ///
    /// # Panics
    /// Never: there is such a day.
    pub fn at_noon() -> Arc<Self> {
        let noon = NaiveDate::from_ymd_opt(2030, 5, 6).and_then(|day| day.and_hms_opt(12, 0, 0));
        let noon = noon.expect("there is such a day").and_utc();
        Arc::new(Self(Mutex::new(noon)))
    }

    /// Makes time pass.
    pub fn pass(&self, time: Duration) {
        let now = self.time();
        self.set(now + time);
    }

    /// Sets the time.
    pub fn set(&self, time: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }

    /// The time on the clock.
    pub fn time(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
