//! A metric with labels whose value is sampled on each rendering. prometheus offers only a gauge without labels.

use std::collections::HashMap;
use std::sync::Arc;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, Metric, MetricFamily, MetricType};

use super::Distribution;

/// The source of the value.
pub(super) enum Sample {
    Gauge(Box<dyn Fn() -> f64 + Send + Sync>),
    Counter(Box<dyn Fn() -> u64 + Send + Sync>),
    /// The upper bounds of the buckets, and their counts.
    Histogram(&'static [f64], Box<dyn Fn() -> Distribution + Send + Sync>),
}

#[derive(Clone)]
pub(super) struct Sampled {
    desc: Desc,
    sample: Arc<Sample>,
}

impl Sampled {
    pub(super) fn new(
        name: &str,
        help: &str,
        labels: HashMap<String, String>,
        sample: Sample,
    ) -> prometheus::Result<Self> {
        Ok(Self {
            desc: Desc::new(name.to_owned(), help.to_owned(), Vec::new(), labels)?,
            sample: Arc::new(sample),
        })
    }
}

impl Collector for Sampled {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut metric = Metric::default();
        let kind = match self.sample.as_ref() {
            Sample::Gauge(sample) => {
                let mut gauge = Gauge::default();
                gauge.set_value(sample());
                metric.set_gauge(gauge);
                MetricType::GAUGE
            }
            Sample::Counter(sample) => {
                let mut counter = Counter::default();
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "the format rounds counts above 2^52"
                )]
                counter.set_value(sample() as f64);
                metric.set_counter(counter);
                MetricType::COUNTER
            }
            Sample::Histogram(bounds, sample) => {
                metric.set_histogram(histogram(bounds, &sample()));
                MetricType::HISTOGRAM
            }
        };
        metric.set_label(self.desc.const_label_pairs.clone());
        let mut family = MetricFamily::default();
        family.set_name(self.desc.fq_name.clone());
        family.set_help(self.desc.help.clone());
        family.set_field_type(kind);
        family.set_metric(vec![metric]);
        vec![family]
    }
}

/// Converts a distribution. The encoder adds the `+Inf` bucket.
fn histogram(bounds: &[f64], distribution: &Distribution) -> Histogram {
    let mut below = 0;
    let buckets = bounds
        .iter()
        .zip(&distribution.counts)
        .map(|(bound, count)| {
            below += count;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(below);
            bucket
        });
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(distribution.counts.iter().sum());
    histogram.set_sample_sum(distribution.sum);
    histogram
}
