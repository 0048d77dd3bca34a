//! The latencies of one run, and medians over several runs.

use std::time::Duration;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde::Serialize;

/// The reported percentiles of a run, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) p99_ms: f64,
}

/// Latencies from one microsecond to five minutes, each with a precision of three digits.
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Result<Self> {
        let histogram = Histogram::new_with_bounds(1, 300_000_000, 3);
        Ok(Self(histogram.context("could not create the histogram")?))
    }

    pub(crate) fn record(&mut self, latency: Duration) {
        self.0
            .saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    pub(crate) fn percentiles(&self) -> Percentiles {
        let ms = |quantile| milliseconds(self.0.value_at_quantile(quantile));
        Percentiles {
            p50_ms: ms(0.50),
            p95_ms: ms(0.95),
            p99_ms: ms(0.99),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds of several minutes are exact in an f64"
)]
fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

/// The median; for an even number of values the mean of the two middle ones, and zero for no values.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.as_slice() {
        [] => 0.0,
        sorted if sorted.len() % 2 == 1 => sorted[middle],
        sorted => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// A count as a floating-point number.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of several minutes are exact in an f64"
)]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_recorded_latencies() {
        let mut latencies = Latencies::new().unwrap();
        for ms in 1..=1000 {
            latencies.record(Duration::from_millis(ms));
        }
        let found = latencies.percentiles();
        for (found, expected) in [
            (found.p50_ms, 500.0),
            (found.p95_ms, 950.0),
            (found.p99_ms, 990.0),
        ] {
            assert!(
                (found / expected - 1.0_f64).abs() < 0.002,
                "{found} for {expected}"
            );
        }
        assert_eq!(latencies.count(), 1000);
    }

    #[test]
    fn a_latency_beyond_the_range_counts_as_the_longest() {
        let mut latencies = Latencies::new().unwrap();
        latencies.record(Duration::from_secs(3600));
        assert!(latencies.percentiles().p50_ms >= 299_000.0);
    }

    #[test]
    fn the_median_of_an_even_number_of_values_is_between_the_middle_two() {
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median([4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median([]).abs() < f64::EPSILON);
    }
}
