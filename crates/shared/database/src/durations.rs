//! A cheap histogram of durations.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the buckets, in seconds: 0.5 ms to 5 s, which is the longest wait for a connection and for a
/// lock.
pub const DURATION_BOUNDS_S: [f64; 13] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

/// The same bounds in microseconds.
const BOUNDS_US: [u64; 13] = [
    500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000,
];

/// Durations, counted in buckets.
#[derive(Debug, Default)]
pub struct Durations {
    counts: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

/// A snapshot of [`Durations`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DurationCounts {
    /// The count of each bucket (not cumulative), ordered as [`DURATION_BOUNDS_S`]. The last bucket has no upper bound.
    pub counts: [u64; DURATION_BOUNDS_S.len() + 1],
    /// The sum of all durations.
    pub sum: Duration,
}

impl Durations {
    /// Creates an empty histogram.
    pub const fn new() -> Self {
        Self {
            counts: [const { AtomicU64::new(0) }; BOUNDS_US.len() + 1],
            sum_us: AtomicU64::new(0),
        }
    }

    /// Counts a duration.
    pub fn count(&self, duration: Duration) {
        // The sum overflows only after half a million years.
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let size = BOUNDS_US.partition_point(|bound| *bound < us);
        self.counts[size].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// Returns the counts so far.
    pub fn counts(&self) -> DurationCounts {
        DurationCounts {
            counts: self
                .counts
                .each_ref()
                .map(|count| count.load(Ordering::Relaxed)),
            sum: Duration::from_micros(self.sum_us.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_equal_in_both_units() {
        let in_seconds = BOUNDS_US.map(|us| Duration::from_micros(us).as_secs_f64());
        assert_eq!(in_seconds, DURATION_BOUNDS_S);
    }

    #[test]
    fn a_duration_is_counted_in_the_first_bucket_whose_bound_it_does_not_exceed() {
        let durations = Durations::new();
        for us in [0, 500, 501, 1000, 4_999_999, 5_000_000, 5_000_001] {
            durations.count(Duration::from_micros(us));
        }
        let DurationCounts { counts, sum } = durations.counts();
        assert_eq!(counts, [2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1]);
        assert_eq!(sum, Duration::from_micros(15_002_001));
    }
}
