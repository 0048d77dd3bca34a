//! A gauge with labels whose value is asked for when it is needed. prometheus has one without labels.

use std::collections::HashMap;
use std::sync::Arc;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Gauge, Metric, MetricFamily, MetricType};

type Sample = dyn Fn() -> f64 + Send + Sync;

#[derive(Clone)]
pub(super) struct SampledGauge {
    desc: Desc,
    sample: Arc<Sample>,
}

impl SampledGauge {
    pub(super) fn new(
        name: &str,
        help: &str,
        labels: HashMap<String, String>,
        sample: Box<Sample>,
    ) -> prometheus::Result<Self> {
        Ok(Self {
            desc: Desc::new(name.to_owned(), help.to_owned(), Vec::new(), labels)?,
            sample: Arc::from(sample),
        })
    }
}

impl Collector for SampledGauge {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut gauge = Gauge::default();
        gauge.set_value((self.sample)());
        let mut metric = Metric::from_gauge(gauge);
        metric.set_label(self.desc.const_label_pairs.clone());
        let mut family = MetricFamily::default();
        family.set_name(self.desc.fq_name.clone());
        family.set_help(self.desc.help.clone());
        family.set_field_type(MetricType::GAUGE);
        family.set_metric(vec![metric]);
        vec![family]
    }
}
