//! Metrics: registered once by whoever wires the program, rendered whenever Prometheus asks.

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

/// Upper bounds for durations of requests, in seconds: 1 ms to 10 s.
pub const LATENCY_BUCKETS_S: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

const PREFIX: &str = "oms_";

/// A distribution that somebody else has counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// How many values each bucket has, and at last how many are above all bounds.
    pub counts: Vec<u64>,
    /// The sum of the values.
    pub sum: f64,
}

/// A metric that can't be registered: a bug, to be met when the program starts.
#[derive(Debug, thiserror::Error)]
#[error("metric {name}: {cause}")]
pub struct MetricsError {
    name: String,
    cause: String,
}

/// All metrics of the process. Cloning it is cheap and shares them.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// None but `oms_build_info{version}` and `oms_start_time_seconds`.
    ///
    /// # Errors
    /// Never for a version that is text.
    pub fn new(version: &str) -> Result<Self, MetricsError> {
        let metrics = Self {
            registry: Registry::new(),
        };
        let build = "Always 1; the label is the version that runs.";
        metrics.gauge_from("oms_build_info", build, &[("version", version)], || 1.0)?;
        // A clock before 1970 has no better answer.
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let started_s = now.unwrap_or_default().as_secs_f64();
        let start = "When the process started, in seconds since 1970.";
        metrics.gauge_from("oms_start_time_seconds", start, &[], move || started_s)?;
        Ok(metrics)
    }

    /// A gauge that is sampled whenever the metrics are rendered. The same name may be registered several times, with
    /// other values of the same labels.
    ///
    /// `sample` has to be quick, and must not register metrics.
    ///
    /// # Errors
    /// When the name does not start with `oms_` or is not a valid one, or this gauge is there already.
    pub fn gauge_from(
        &self,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        sample: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Result<(), MetricsError> {
        self.sampled(name, help, labels, Sample::Gauge(Box::new(sample)))
    }

    /// A count that somebody else keeps, and that is sampled whenever the metrics are rendered; otherwise as
    /// [`Metrics::gauge_from`].
    ///
    /// # Errors
    /// As [`Metrics::gauge_from`].
    pub fn counter_from(
        &self,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        sample: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<(), MetricsError> {
        self.sampled(name, help, labels, Sample::Counter(Box::new(sample)))
    }

    /// A distribution that somebody else keeps, in buckets with these upper bounds, and that is sampled whenever the metrics
    /// are rendered; otherwise as [`Metrics::gauge_from`].
    ///
    /// # Errors
    /// As [`Metrics::gauge_from`].
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

    /// A count of things that happened, by labels; the name ends in `_total`, by convention.
    ///
    /// # Errors
    /// When the name does not start with `oms_` or is not a valid one, or is there already.
    pub fn counter<const LABELS: usize>(
        &self,
        name: &str,
        help: &str,
        labels: &[&str; LABELS],
    ) -> Result<Counter<LABELS>, MetricsError> {
        let counter = IntCounterVec::new(Opts::new(name, help), labels);
        let counter = Counter(self.register(name, counter)?);
        if LABELS == 0 {
            // Without labels there is one value, and it is known: 0.
            counter.add(&[""; LABELS], 0);
        }
        Ok(counter)
    }

    /// A distribution, by labels, in buckets with these upper bounds, ascending.
    ///
    /// # Errors
    /// When the name does not start with `oms_` or is not a valid one, or is there already, or the bounds do not ascend.
    pub fn histogram<const LABELS: usize>(
        &self,
        name: &str,
        help: &str,
        labels: &[&str; LABELS],
        buckets: &[f64],
    ) -> Result<Histogram<LABELS>, MetricsError> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let histogram = HistogramVec::new(options, labels).and_then(|histogram| {
            // prometheus looks at the bounds when the first value arrives, and then panics.
            histogram.get_metric_with_label_values(&[""; LABELS])?;
            histogram.reset();
            Ok(histogram)
        });
        Ok(Histogram(self.register(name, histogram)?))
    }

    /// All metrics, in the [text format](https://prometheus.io/docs/instrumenting/exposition_formats/).
    pub fn render(&self) -> String {
        let mut text = String::new();
        for family in self.registry.gather() {
            // One that can't be written does not hide the others.
            if let Err(error) = TextEncoder::new().encode_utf8(&[family], &mut text) {
                tracing::warn!(cause = %error, "a metric can't be written");
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
            return Err(refused(format!("the name has to start with {PREFIX}")));
        }
        let metric = metric.map_err(|error| refused(error.to_string()))?;
        self.registry
            .register(Box::new(metric.clone()))
            .map_err(|error| refused(error.to_string()))?;
        Ok(metric)
    }
}

/// A count of things that happened. Cloning it is cheap and shares it.
#[derive(Clone)]
pub struct Counter<const LABELS: usize>(IntCounterVec);

impl<const LABELS: usize> Counter<LABELS> {
    /// One more, with these values of the labels, in their order.
    pub fn increment(&self, values: &[&str; LABELS]) {
        self.add(values, 1);
    }

    /// `count` more, with these values of the labels, in their order.
    pub fn add(&self, values: &[&str; LABELS], count: u64) {
        self.0.with_label_values(values).inc_by(count);
    }

    /// The count with these values of the labels, for where looking it up each time would cost too much. It is rendered
    /// from now on, also while it is 0.
    pub fn series(&self, values: &[&str; LABELS]) -> CounterSeries {
        CounterSeries(self.0.with_label_values(values))
    }
}

/// One series of a [`Counter`]. Cloning it is cheap and shares it.
#[derive(Clone)]
pub struct CounterSeries(IntCounter);

impl CounterSeries {
    /// One more.
    pub fn increment(&self) {
        self.0.inc();
    }
}

/// A distribution. Cloning it is cheap and shares it.
#[derive(Clone)]
pub struct Histogram<const LABELS: usize>(HistogramVec);

impl<const LABELS: usize> Histogram<LABELS> {
    /// One more value, with these values of the labels, in their order.
    pub fn observe(&self, values: &[&str; LABELS], value: f64) {
        self.0.with_label_values(values).observe(value);
    }

    /// The distribution with these values of the labels, for where looking it up each time would cost too much. It is
    /// rendered from now on, also while it is empty.
    pub fn series(&self, values: &[&str; LABELS]) -> HistogramSeries {
        HistogramSeries(self.0.with_label_values(values))
    }
}

/// One series of a [`Histogram`]. Cloning it is cheap and shares it.
#[derive(Clone)]
pub struct HistogramSeries(prometheus::Histogram);

impl HistogramSeries {
    /// One more value.
    pub fn observe(&self, value: f64) {
        self.0.observe(value);
    }
}
