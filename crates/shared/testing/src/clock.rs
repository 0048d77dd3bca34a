//! A clock that only the test advances.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

/// The clock of a test.
#[derive(Debug)]
pub struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    /// Creates a clock at noon of a fixed day that is not today.
    ///
    /// # Panics
    /// Never, because the day is valid.
    pub fn at_noon() -> Arc<Self> {
        let noon = NaiveDate::from_ymd_opt(2030, 5, 6).and_then(|day| day.and_hms_opt(12, 0, 0));
        let noon = noon.expect("the day is valid").and_utc();
        Arc::new(Self(Mutex::new(noon)))
    }

    /// Advances the time.
    pub fn pass(&self, time: Duration) {
        let now = self.time();
        self.set(now + time);
    }

    /// Sets the time.
    pub fn set(&self, time: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }

    /// Returns the time.
    pub fn time(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
