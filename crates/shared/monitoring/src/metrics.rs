//! Metrics: registered once by whoever wires the program, rendered whenever Prometheus asks.

mod sampled;

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::core::Collector;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};

use sampled::SampledGauge;

/// The `Content-Type` of [`Metrics::render`].
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// Upper bounds for durations of requests, in seconds: 1 ms to 10 s.
pub const LATENCY_BUCKETS_S: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

const PREFIX: &str = "oms_";

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
        let build = "Always 1; the label says which version runs.";
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
        let labels: HashMap<String, String> = labels
            .iter()
            .map(|&(label, value)| (label.to_owned(), value.to_owned()))
            .collect();
        let gauge = SampledGauge::new(name, help, labels, Box::new(sample));
        self.register(name, gauge).map(drop)
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
}

/// A distribution. Cloning it is cheap and shares it.
#[derive(Clone)]
pub struct Histogram<const LABELS: usize>(HistogramVec);

impl<const LABELS: usize> Histogram<LABELS> {
    /// One more value, with these values of the labels, in their order.
    pub fn observe(&self, values: &[&str; LABELS], value: f64) {
        self.0.with_label_values(values).observe(value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn metrics() -> Metrics {
        Metrics::new("1.2.3").unwrap()
    }

    #[test]
    fn the_build_and_the_start_are_always_there() {
        let text = metrics().render();
        assert!(
            text.contains("oms_build_info{version=\"1.2.3\"} 1\n"),
            "{text}"
        );
        assert!(
            text.contains("# TYPE oms_start_time_seconds gauge\n"),
            "{text}"
        );
    }

    #[test]
    fn counters_count_by_label() {
        let metrics = metrics();
        let counter = metrics
            .counter("oms_answers_total", "Answers.", &["route", "status"])
            .unwrap();
        counter.increment(&["/orders", "201"]);
        counter.clone().add(&["/orders", "201"], 2);
        counter.increment(&["/orders", "402"]);
        let plain = metrics.counter("oms_panics_total", "Panics.", &[]).unwrap();
        let text = metrics.render();
        let counted = "oms_answers_total{route=\"/orders\",status=\"201\"} 3\n";
        assert!(text.contains(counted), "{text}");
        assert!(text.contains("oms_panics_total 0\n"), "{text}");
        plain.increment(&[]);
        assert!(metrics.render().contains("oms_panics_total 1\n"));
    }

    #[test]
    fn gauges_are_sampled_when_the_metrics_are_read() {
        let metrics = metrics();
        let size = Arc::new(AtomicU32::new(1));
        for pool in ["api", "sweeper"] {
            let size = Arc::clone(&size);
            let sample = move || f64::from(size.load(Ordering::SeqCst));
            metrics
                .gauge_from("oms_pool_size", "Connections.", &[("pool", pool)], sample)
                .unwrap();
        }
        assert!(metrics.render().contains("oms_pool_size{pool=\"api\"} 1\n"));
        size.store(7, Ordering::SeqCst);
        let text = metrics.clone().render();
        assert!(text.contains("oms_pool_size{pool=\"api\"} 7\n"), "{text}");
        assert!(
            text.contains("oms_pool_size{pool=\"sweeper\"} 7\n"),
            "{text}"
        );
        assert_eq!(text.matches("# TYPE oms_pool_size gauge").count(), 1);
    }

    #[test]
    fn histograms_count_into_their_buckets() {
        let metrics = metrics();
        let histogram = metrics
            .histogram("oms_seconds", "Durations.", &["route"], &LATENCY_BUCKETS_S)
            .unwrap();
        histogram.observe(&["/orders"], 0.003);
        let text = metrics.render();
        for line in [
            "oms_seconds_bucket{route=\"/orders\",le=\"0.0025\"} 0\n",
            "oms_seconds_bucket{route=\"/orders\",le=\"0.005\"} 1\n",
            "oms_seconds_count{route=\"/orders\"} 1\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
    }

    #[test]
    fn names_that_are_foreign_or_invalid_or_taken_are_refused() {
        let metrics = metrics();
        let refused = |name: &str| {
            let error = metrics.counter(name, "Help.", &[]).err();
            error.map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(
            refused("orders"),
            "metric orders: the name has to start with oms_"
        );
        assert!(refused("oms_a b").starts_with("metric oms_a b: "));
        assert_eq!(refused("oms_a"), "");
        assert!(refused("oms_a").starts_with("metric oms_a: "));
        let descending = metrics.histogram("oms_h", "Help.", &[], &[2.0, 1.0]);
        assert!(descending.is_err());
    }

    #[test]
    fn label_values_are_escaped() {
        let metrics = metrics();
        let counter = metrics.counter("oms_c", "Help.", &["what"]).unwrap();
        counter.increment(&["a\"b\nc"]);
        assert!(metrics.render().contains("oms_c{what=\"a\\\"b\\nc\"} 1\n"));
    }
}
