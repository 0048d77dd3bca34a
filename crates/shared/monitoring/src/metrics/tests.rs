//! Tests of registering and rendering metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

fn metrics() -> Metrics {
    Metrics::new("1.2.3").unwrap()
}

#[test]
fn version_and_start_time_are_always_rendered() {
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
fn gauges_are_sampled_when_the_metrics_are_rendered() {
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
fn foreign_invalid_and_duplicate_names_are_refused() {
    let metrics = metrics();
    let refused = |name: &str| {
        let error = metrics.counter(name, "Help.", &[]).err();
        error.map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(
        refused("orders"),
        "metric orders: the name must start with oms_"
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

#[test]
fn a_series_updates_its_metric() {
    let metrics = metrics();
    let counter = metrics.counter("oms_a_total", "A.", &["kind"]).unwrap();
    let series = counter.series(&["x"]);
    assert!(metrics.render().contains("oms_a_total{kind=\"x\"} 0\n"));
    series.increment();
    counter.increment(&["x"]);
    let text = metrics.render();
    assert!(text.contains("oms_a_total{kind=\"x\"} 2\n"), "{text}");
    let histogram = metrics.histogram("oms_b", "B.", &["kind"], &[1.0]).unwrap();
    let series = histogram.series(&["x"]);
    series.clone().observe(0.5);
    let text = metrics.render();
    assert!(text.contains("oms_b_count{kind=\"x\"} 1\n"), "{text}");
}

#[test]
fn sampled_metrics_are_rendered_like_others() {
    let metrics = metrics();
    for (kind, count) in [("x", 3), ("y", 0)] {
        metrics
            .counter_from("oms_a_total", "A.", &[("kind", kind)], move || count)
            .unwrap();
    }
    let sample = || Distribution {
        counts: vec![2, 0, 1],
        sum: 7.5,
    };
    metrics
        .histogram_from("oms_b", "B.", &[("kind", "x")], &[1.0, 2.0], sample)
        .unwrap();
    let text = metrics.render();
    for line in [
        "# TYPE oms_a_total counter\n",
        "oms_a_total{kind=\"x\"} 3\noms_a_total{kind=\"y\"} 0\n",
        "# TYPE oms_b histogram\n",
        "oms_b_bucket{kind=\"x\",le=\"1\"} 2\n",
        "oms_b_bucket{kind=\"x\",le=\"2\"} 2\n",
        "oms_b_bucket{kind=\"x\",le=\"+Inf\"} 3\n",
        "oms_b_sum{kind=\"x\"} 7.5\noms_b_count{kind=\"x\"} 3\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}
