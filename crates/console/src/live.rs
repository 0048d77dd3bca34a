//! The latest metrics of this process, for the page that shows them: a ring of samples in memory.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often a sample is taken.
pub const SAMPLE_EVERY: Duration = Duration::from_secs(15);

/// Samples that are kept: those of 15 minutes, and the one before, from which the first rate is computed.
const KEPT: usize = 61;

/// The latest metrics of this process.
pub struct Live {
    /// Which process it is, in words.
    instance: String,
    samples: Mutex<VecDeque<Sample>>,
}

/// What the metrics said at one time.
#[derive(Clone, Debug)]
struct Sample {
    /// Since any fixed time.
    seconds: f64,
    numbers: Vec<(String, f64)>,
}

/// What a tile shows of the metrics.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shown {
    /// The latest value.
    Gauge,
    /// The increase in a second.
    Rate,
    /// A quantile of the values between two samples.
    Quantile(f64),
    /// The mean of the values between two samples.
    Mean,
}

/// A series of the metrics: those of a name with all of these labels, added up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Series {
    pub(crate) name: &'static str,
    /// As they are written, such as `state="in_use"`.
    pub(crate) labels: &'static [&'static str],
    pub(crate) shown: Shown,
}

impl Live {
    /// Keeps no samples yet.
    pub fn new(instance: String) -> Self {
        Self {
            instance,
            samples: Mutex::new(VecDeque::with_capacity(KEPT)),
        }
    }

    /// Which process it is.
    pub(crate) fn instance(&self) -> &str {
        &self.instance
    }

    /// Takes a sample of metrics in Prometheus' text format. `seconds` is since any fixed time.
    pub fn record(&self, seconds: f64, exposition: &str) {
        let numbers = exposition.lines().filter(|line| !line.starts_with('#'));
        let numbers = numbers.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            let is_wanted = WANTED.iter().any(|wanted| name.starts_with(wanted));
            is_wanted.then(|| Some((name.to_owned(), value.parse().ok()?)))?
        });
        let sample = Sample {
            seconds,
            numbers: numbers.collect(),
        };
        let mut samples = self.samples();
        if samples.len() == KEPT {
            samples.pop_front();
        }
        samples.push_back(sample);
    }

    /// The values of a series, oldest first. What needs two samples has none for the first.
    pub(crate) fn values(&self, series: &Series) -> Vec<Option<f64>> {
        let samples = self.samples();
        let pairs = samples.iter().zip(samples.iter().skip(1));
        pairs
            .map(|(before, after)| series.value(before, after))
            .collect()
    }

    fn samples(&self) -> MutexGuard<'_, VecDeque<Sample>> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The beginnings of the names of metrics that are kept: those that a tile shows.
pub(crate) const WANTED: [&str; 9] = [
    "oms_orders_total",
    "oms_http_request",
    "oms_sweep_lag_seconds",
    "oms_dead_letters_open",
    "oms_database_connection",
    "oms_batch_size",
    "oms_events_relay_lag_seconds",
    "oms_webhook_backlog_events",
    "oms_breaker_state",
];

impl Series {
    fn value(&self, before: &Sample, after: &Sample) -> Option<f64> {
        let passed = after.seconds - before.seconds;
        match self.shown {
            Shown::Gauge => self.sum(after, ""),
            // After a restart a counter begins again.
            Shown::Rate => {
                let grown = self.sum(after, "")? - self.sum(before, "").unwrap_or_default();
                (passed > 0.0 && grown >= 0.0).then(|| grown / passed)
            }
            Shown::Mean => {
                let grown = |suffix| {
                    let before = self.sum(before, suffix).unwrap_or_default();
                    Some(self.sum(after, suffix)? - before)
                };
                let (sum, count) = (grown("_sum")?, grown("_count")?);
                (count > 0.0).then(|| sum / count)
            }
            Shown::Quantile(share) => self.quantile(share, before, after),
        }
    }

    fn sum(&self, sample: &Sample, suffix: &str) -> Option<f64> {
        let found = self.matching(sample, suffix).map(|(_, value)| value);
        found.fold(None, |sum, value| Some(sum.unwrap_or_default() + value))
    }

    fn matching<'a>(
        &'a self,
        sample: &'a Sample,
        suffix: &'a str,
    ) -> impl Iterator<Item = (&'a str, f64)> {
        let named = sample.numbers.iter().filter_map(move |(text, value)| {
            let rest = text.strip_prefix(self.name)?.strip_prefix(suffix)?;
            (rest.is_empty() || rest.starts_with('{')).then_some((rest, *value))
        });
        named.filter(|(rest, _)| self.labels.iter().all(|label| rest.contains(label)))
    }

    /// The bound of the bucket that has the quantile, as Prometheus' `histogram_quantile` without interpolation.
    fn quantile(&self, share: f64, before: &Sample, after: &Sample) -> Option<f64> {
        // Ordered by their bounds.
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (sample, sign) in [(after, 1.0), (before, -1.0)] {
            for (labels, count) in self.matching(sample, "_bucket") {
                let bound = labels.split("le=\"").nth(1)?.split('"').next()?;
                let bound = match bound {
                    "+Inf" => f64::INFINITY,
                    bound => bound.parse().ok()?,
                };
                match buckets.binary_search_by(|(it, _)| it.total_cmp(&bound)) {
                    Ok(at) => buckets[at].1 += sign * count,
                    Err(at) => buckets.insert(at, (bound, sign * count)),
                }
            }
        }
        let whole = buckets.last()?.1;
        let found = buckets.iter().find(|(_, count)| *count >= share * whole);
        let highest = buckets.iter().rev().find(|(bound, _)| bound.is_finite());
        (whole > 0.0).then_some(found?.0.min(highest?.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(samples: &[&str]) -> Live {
        let live = Live::new("test".to_owned());
        for (index, text) in samples.iter().enumerate() {
            live.record(f64::from(u32::try_from(index).unwrap()) * 10.0, text);
        }
        live
    }

    fn series(name: &'static str, labels: &'static [&'static str], shown: Shown) -> Series {
        Series {
            name,
            labels,
            shown,
        }
    }

    #[test]
    fn a_rate_is_the_increase_of_all_matching_series_in_a_second() {
        let live = live(&[
            "# HELP x\noms_orders_total{outcome=\"paid\"} 10\noms_orders_total{outcome=\"declined\"} 1\nother 7",
            "oms_orders_total{outcome=\"paid\"} 30\noms_orders_total{outcome=\"declined\"} 11",
            "oms_orders_total{outcome=\"paid\"} 5",
        ]);
        let all = series("oms_orders_total", &[], Shown::Rate);
        assert_eq!(live.values(&all), [Some(3.0), None]);
        let paid = series("oms_orders_total", &["outcome=\"paid\""], Shown::Rate);
        assert_eq!(live.values(&paid), [Some(2.0), None]);
    }

    #[test]
    fn a_quantile_is_of_what_came_between_two_samples() {
        let of = |low: u32, high: u32| {
            format!(
                "oms_batch_size_bucket{{le=\"0.1\"}} {low}\noms_batch_size_bucket{{le=\"1\"}} {high}\noms_batch_size_bucket{{le=\"+Inf\"}} {high}\noms_batch_size_sum 1\noms_batch_size_count {high}"
            )
        };
        let live = live(&[&of(0, 100), &of(99, 200), &of(99, 200)]);
        let p50 = series("oms_batch_size", &[], Shown::Quantile(0.5));
        assert_eq!(live.values(&p50), [Some(0.1), None]);
        let p999 = series("oms_batch_size", &[], Shown::Quantile(0.999));
        assert_eq!(live.values(&p999), [Some(1.0), None]);
    }

    #[test]
    fn a_mean_needs_values_and_a_gauge_is_the_latest() {
        let live = live(&[
            "oms_batch_size_sum{kind=\"place\"} 0\noms_batch_size_count{kind=\"place\"} 0\noms_sweep_lag_seconds 1",
            "oms_batch_size_sum{kind=\"place\"} 12\noms_batch_size_count{kind=\"place\"} 4\noms_sweep_lag_seconds 2",
        ]);
        let mean = series("oms_batch_size", &["kind=\"place\""], Shown::Mean);
        assert_eq!(live.values(&mean), [Some(3.0)]);
        let other = series("oms_batch_size", &["kind=\"ship\""], Shown::Mean);
        assert_eq!(live.values(&other), [None]);
        let gauge = series("oms_sweep_lag_seconds", &[], Shown::Gauge);
        assert_eq!(live.values(&gauge), [Some(2.0)]);
    }

    #[test]
    fn only_15_minutes_are_kept() {
        let live = live(&["oms_sweep_lag_seconds 1"; 100]);
        let gauge = series("oms_sweep_lag_seconds", &[], Shown::Gauge);
        assert_eq!(live.values(&gauge).len(), 60);
    }
}
