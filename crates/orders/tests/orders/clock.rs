//! A clock that stands still until the test makes time pass.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use oms_orders::Clock;

pub struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    /// Stands at noon of some day that is not today.
    pub fn at_noon() -> Arc<Self> {
        let noon = "2030-05-06T12:00:00Z".parse().unwrap();
        Arc::new(Self(Mutex::new(noon)))
    }

    pub fn pass(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }

    /// Makes it so late.
    pub fn set(&self, time: DateTime<Utc>) {
        *self.0.lock().unwrap() = time;
    }

    pub fn time(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Option<DateTime<Utc>> {
        Some(self.time())
    }
}
