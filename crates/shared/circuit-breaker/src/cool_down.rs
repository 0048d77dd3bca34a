//! The cool-downs of an open breaker: exponential with equal jitter, so that instances don't probe in lockstep.
//!
//! failsafe's own back-off supports only whole seconds.

use std::time::Duration;

use crate::BreakerConfig;
use crate::watch::Watch;

/// An endless sequence of cool-downs. Each is recorded in the watch when failsafe takes it.
#[derive(Clone, Debug)]
pub(crate) struct CoolDowns {
    longest: Duration,
    max: Duration,
    watch: Watch,
    /// Returns a number from 0 to 1.
    jitter: fn() -> f64,
}

impl CoolDowns {
    pub(crate) fn new(config: &BreakerConfig, watch: Watch) -> Self {
        Self {
            longest: config.cool_down,
            max: config.max_cool_down.max(config.cool_down),
            watch,
            jitter: || rand::random_range(0.0..=1.0),
        }
    }
}

impl Iterator for CoolDowns {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let half = self.longest / 2;
        let cool_down = half + half.mul_f64((self.jitter)());
        self.longest = self.longest.saturating_mul(2).min(self.max);
        self.watch.note_cool_down(cool_down);
        Some(cool_down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cool_downs(jitter: fn() -> f64) -> Vec<u128> {
        let config = BreakerConfig {
            cool_down: Duration::from_millis(100),
            max_cool_down: Duration::from_millis(300),
            ..BreakerConfig::default()
        };
        let mut all = CoolDowns::new(&config, Watch::new("test"));
        all.jitter = jitter;
        all.take(4).map(|one| one.as_millis()).collect()
    }

    #[test]
    fn cool_downs_double_up_to_the_maximum_and_jitter_subtracts_up_to_half() {
        assert_eq!(cool_downs(|| 1.0), [100, 200, 300, 300]);
        assert_eq!(cool_downs(|| 0.0), [50, 100, 150, 150]);
    }
}
