//! How long the breaker stays open: exponential, with equal jitter, so that several instances do not probe in step.
//!
//! failsafe has the same, but in whole seconds of at least one.

use std::time::Duration;

use crate::BreakerConfig;
use crate::watch::Watch;

/// An endless stream of cool-downs, each of which is noted in the watch when failsafe takes it.
#[derive(Clone, Debug)]
pub(crate) struct CoolDowns {
    longest: Duration,
    max: Duration,
    watch: Watch,
    /// From 0 to 1.
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
    fn cool_downs_double_up_to_the_longest_and_jitter_takes_up_to_half() {
        assert_eq!(cool_downs(|| 1.0), [100, 200, 300, 300]);
        assert_eq!(cool_downs(|| 0.0), [50, 100, 150, 150]);
    }
}
