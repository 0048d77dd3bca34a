//! The test clock as a clock of orders.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use oms_orders::Clock;
use oms_testing::clock::TestClock;

pub struct OrdersClock(Arc<TestClock>);

impl OrdersClock {
    pub fn of(clock: &Arc<TestClock>) -> Arc<Self> {
        Arc::new(Self(clock.clone()))
    }
}

impl Clock for OrdersClock {
    fn now(&self) -> Option<DateTime<Utc>> {
        Some(self.0.time())
    }
}
