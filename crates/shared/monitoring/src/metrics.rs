//! Metrics, registered once when the program is wired, and rendered whenever Prometheus scrapes them.

mod sampled;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::core::Collector;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, TextEncoder,
};

use sampled::{Sample, Sampled};

/// The `Content-Type` of [`Metrics::render`].
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// Upper bounds of buckets for request durations, in seconds: 1 ms to 10 s.
pub const LATENCY_BUCKETS_S: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

const PREFIX: &str = "oms_";

/// A distribution that is counted elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// The count of each bucket (not cumulative), and last the count above all bounds.
    pub counts: Vec<u64>,
    /// The sum of the values.
    pub sum: f64,
}

/// The error for a metric that can't be registered. It is a bug that shows at the start of the program.
#[derive(Debug, thiserror::Error)]
#[error("metric {name}: {cause}")]
pub struct MetricsError {
    name: String,
    cause: String,
}

/// All metrics of the process. Clones are cheap and share them.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// Creates a registry with `oms_build_info{version}` and `oms_start_time_seconds`.
    ///
    /// # Errors
    /// If a metric can't be registered, which no version causes.
    pub fn new(version: &str) -> Result<Self, MetricsError> {
        let metrics = Self {
            registry: Registry::new(),
        };
        let build = "Always 1. The label is the running version.";
        metrics.gauge_from("oms_build_info", build, &[("version", version)], || 1.0)?;
        // A clock before 1970 counts as 1970.
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let started_s = now.unwrap_or_default().as_secs_f64();
        let start = "Start time of the process, in seconds since 1970.";
        metrics.gauge_from("oms_start_time_seconds", start, &[], move || started_s)?;
        Ok(metrics)
    }

    /// Registers a gauge that is sampled on each rendering. The same name may be registered several times with
    /// different values of the same labels.
    ///
    /// `sample` must be fast, and must not register metrics.
    ///
    /// # Errors
    /// If the name does not start with `oms_` or is invalid, or the gauge is already registered.
    pub fn gauge_from(
        &self,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        sample: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Result<(), MetricsError> {
        self.sampled(name, help, labels, Sample::Gauge(Box::new(sample)))
    }

    /// Registers a counter that is kept elsewhere and sampled on each rendering. Otherwise like
    /// [`Metrics::gauge_from`].
    ///
    /// # Errors
    /// Those of [`Metrics::gauge_from`].
    pub fn counter_from(
        &self,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        sample: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<(), MetricsError> {
        self.sampled(name, help, labels, Sample::Counter(Box::new(sample)))
    }

    /// Registers a histogram with these upper bounds that is kept elsewhere and sampled on each rendering. Otherwise
    /// like [`Metrics::gauge_from`].
    ///
    /// # Errors
    /// Those of [`Metrics::gauge_from`].
    pub fn histogram_from(
        &self,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        bounds: &'static [f64],
        sample: impl Fn() -> Distribution + Send + Sync + 'static,
    ) -> Result<(), MetricsError> {
        let sample = Sample::Histogram(bounds, Box::new(sample));
        self.sampled(name, help, labels, sample)
    }

    /// Registers a counter with labels. By convention its name ends in `_total`.
    ///
    /// # Errors
    /// If the name does not start with `oms_`, is invalid, or is already registered.
    pub fn counter<const LABELS: usize>(
        &self,
        name: &str,
        help: &str,
        labels: &[&str; LABELS],
    ) -> Result<Counter<LABELS>, MetricsError> {
        let counter = IntCounterVec::new(Opts::new(name, help), labels);
        let counter = Counter(self.register(name, counter)?);
        if LABELS == 0 {
            // Without labels there is one series, which starts at 0.
            counter.add(&[""; LABELS], 0);
        }
        Ok(counter)
    }

    /// Registers a histogram with labels and ascending upper bounds of buckets.
    ///
    /// # Errors
    /// If the name does not start with `oms_`, is invalid, or is already registered, or the bounds do not ascend.
    pub fn histogram<const LABELS: usize>(
        &self,
        name: &str,
        help: &str,
        labels: &[&str; LABELS],
        buckets: &[f64],
    ) -> Result<Histogram<LABELS>, MetricsError> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let histogram = HistogramVec::new(options, labels).and_then(|histogram| {
            // prometheus checks the bounds only on the first value, and then panics.
            histogram.get_metric_with_label_values(&[""; LABELS])?;
            histogram.reset();
            Ok(histogram)
        });
        Ok(Histogram(self.register(name, histogram)?))
    }

    /// Renders all metrics in the [text format](https://prometheus.io/docs/instrumenting/exposition_formats/).
    pub fn render(&self) -> String {
        let mut text = String::new();
        for family in self.registry.gather() {
            // A metric that can't be encoded must not hide the others.
            if let Err(error) = TextEncoder::new().encode_utf8(&[family], &mut text) {
                tracing::warn!(cause = %error, "can't encode a metric");
            }
        }
        text
    }

    fn sampled(
        &self,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        sample: Sample,
    ) -> Result<(), MetricsError> {
        let labels: HashMap<String, String> = labels
            .iter()
            .map(|&(label, value)| (label.to_owned(), value.to_owned()))
            .collect();
        let sampled = Sampled::new(name, help, labels, sample);
        self.register(name, sampled).map(drop)
    }

    fn register<C: Collector + Clone + 'static>(
        &self,
        name: &str,
        metric: prometheus::Result<C>,
    ) -> Result<C, MetricsError> {
        let refused = |cause: String| MetricsError {
            name: name.to_owned(),
            cause,
        };
        if !name.starts_with(PREFIX) {
            return Err(refused(format!("the name must start with {PREFIX}")));
        }
        let metric = metric.map_err(|error| refused(error.to_string()))?;
        self.registry
            .register(Box::new(metric.clone()))
            .map_err(|error| refused(error.to_string()))?;
        Ok(metric)
    }
}

/// A counter. Clones are cheap and share it.
#[derive(Clone)]
pub struct Counter<const LABELS: usize>(IntCounterVec);

impl<const LABELS: usize> Counter<LABELS> {
    /// Increments the counter by 1 for these label values, given in the order of the labels.
    pub fn increment(&self, values: &[&str; LABELS]) {
        self.add(values, 1);
    }

    /// Increments the counter by `count` for these label values, given in the order of the labels.
    pub fn add(&self, values: &[&str; LABELS], count: u64) {
        self.0.with_label_values(values).inc_by(count);
    }

    /// Returns the series with these label values, to avoid the lookup on hot paths. The series is rendered from now
    /// on, even while it is 0.
    pub fn series(&self, values: &[&str; LABELS]) -> CounterSeries {
        CounterSeries(self.0.with_label_values(values))
    }
}

/// One series of a [`Counter`]. Clones are cheap and share it.
#[derive(Clone)]
pub struct CounterSeries(IntCounter);

impl CounterSeries {
    /// Increments the series by 1.
    pub fn increment(&self) {
        self.0.inc();
    }
}

/// A histogram. Clones are cheap and share it.
#[derive(Clone)]
pub struct Histogram<const LABELS: usize>(HistogramVec);

impl<const LABELS: usize> Histogram<LABELS> {
    /// Records a value for these label values, given in the order of the labels.
    pub fn observe(&self, values: &[&str; LABELS], value: f64) {
        self.0.with_label_values(values).observe(value);
    }

    /// Returns the series with these label values, to avoid the lookup on hot paths. The series is rendered from now
    /// on, even while it is empty.
    pub fn series(&self, values: &[&str; LABELS]) -> HistogramSeries {
        HistogramSeries(self.0.with_label_values(values))
    }
}

/// One series of a [`Histogram`]. Clones are cheap and share it.
#[derive(Clone)]
pub struct HistogramSeries(prometheus::Histogram);

impl HistogramSeries {
    /// Records a value.
    pub fn observe(&self, value: f64) {
        self.0.observe(value);
    }
}
