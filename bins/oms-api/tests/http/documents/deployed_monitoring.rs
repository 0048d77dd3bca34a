//! Compares the dashboard and the alert rules under `deploy`, the runbook and the metrics reference with the metrics
//! that are served.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use oms_testing::generated::assert_page;
use serde_json::Value;

use crate::promql::{Selector, named};
use crate::shop::Shop;

/// Labels that Prometheus itself adds.
const ADDED_LABELS: [&str; 2] = ["job", "instance"];

/// A page of metrics.
#[derive(Default)]
struct Served {
    /// The type of each metric.
    types: BTreeMap<String, String>,
    /// The help text of each metric.
    helps: BTreeMap<String, String>,
    /// The labels of each series, by the name that queries use.
    series: BTreeMap<String, Vec<BTreeMap<String, String>>>,
}

impl Served {
    /// A page with every metric that can exist.
    async fn by(shop: &Shop) -> Self {
        let mut served = Self::default();
        for line in shop.metrics().await.lines() {
            let words: Vec<&str> = line.splitn(4, ' ').collect();
            match words[..] {
                ["#", "TYPE", name, kind] => {
                    served.types.insert(name.to_owned(), kind.to_owned());
                }
                ["#", "HELP", name, help] if !help.trim().is_empty() => {
                    served.helps.insert(name.to_owned(), help.to_owned());
                }
                _ => served.add_series(line),
            }
        }
        served
    }

    fn add_series(&mut self, line: &str) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let label = |text: &str| {
            let (label, value) = text.split_once("=\"")?;
            Some((label.to_owned(), value.trim_end_matches('"').to_owned()))
        };
        let labels = labels.trim_end_matches('}').split("\",");
        let labels = labels.filter_map(label).collect();
        self.series.entry(name.to_owned()).or_default().push(labels);
    }

    /// The reasons why an expression can't be evaluated.
    fn problems(&self, expression: &str) -> Vec<String> {
        let named = named(expression);
        let mut problems: Vec<String> = named
            .selectors
            .iter()
            .filter_map(|selector| self.problem(selector))
            .collect();
        let known = |label: &String| {
            let mut series = named.selectors.iter().flat_map(|s| self.series_of(s));
            ADDED_LABELS.contains(&label.as_str())
                || series.any(|labels| labels.contains_key(label))
        };
        let unknown = named.grouped_by.iter().filter(|label| !known(label));
        problems.extend(unknown.map(|label| format!("no series has the label {label}")));
        if named.selectors.is_empty() {
            problems.push("the expression names no metric".to_owned());
        }
        problems
    }

    fn series_of(&self, selector: &Selector) -> &[BTreeMap<String, String>] {
        let series = self.series.get(&selector.metric);
        series.map(Vec::as_slice).unwrap_or_default()
    }

    fn problem(&self, selector: &Selector) -> Option<String> {
        let Selector { metric, matchers } = selector;
        // Prometheus creates this metric.
        if metric == "up" {
            return None;
        }
        let series = self.series_of(selector);
        if series.is_empty() {
            return Some(format!("{metric} is not served"));
        }
        let wrong = matchers.iter().find(|(label, operator, value)| {
            let values: BTreeSet<_> = series
                .iter()
                .filter_map(|labels| labels.get(label))
                .collect();
            let wanted = match operator.as_str() {
                "=~" | "!~" => value.split('|').collect(),
                _ => vec![value.as_str()],
            };
            let all_there = wanted
                .iter()
                .all(|value| values.contains(&(*value).to_owned()));
            !ADDED_LABELS.contains(&label.as_str()) && !all_there
        });
        wrong.map(|matcher| format!("{metric} has no series with {matcher:?}"))
    }
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    let path = repository().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All texts under a key, at any depth.
fn texts_of<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(text) if name == key => found.push(text),
                    _ => texts_of(member, key, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts_of(item, key, found)),
        _ => {}
    }
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    let text = value.pointer(path).and_then(Value::as_str);
    text.unwrap_or_default().trim()
}

/// A shop in which every optional part that has metrics is configured.
async fn shop() -> Shop {
    Shop::open_with(&[
        ("OMS_RECONCILE_INTERVAL_MS", "3600000"),
        ("OMS_GEOCODER_URL", "http://127.0.0.1:1"),
        ("OMS_ALERT_WEBHOOK_URL", "http://127.0.0.1:1"),
        ("OMS_EVENTS_NATS_URL", "nats://127.0.0.1:1"),
    ])
    .await
}

#[tokio::test]
async fn alert_rules_and_dashboard_use_only_served_metrics() {
    let shop = shop().await;
    // A route has series from its first request on.
    shop.paid().await;
    let served = Served::by(&shop).await;
    let rules: Value = yaml_serde::from_str(&read("deploy/prometheus/oms-alerts.yaml")).unwrap();
    let dashboard: Value =
        serde_json::from_str(&read("deploy/grafana/oms-dashboard.json")).unwrap();
    let mut expressions = Vec::new();
    texts_of(&rules, "expr", &mut expressions);
    let of_rules = expressions.len();
    texts_of(&dashboard, "expr", &mut expressions);
    assert!(of_rules >= 15 && expressions.len() >= of_rules + 20);
    let mut problems = Vec::new();
    for expression in &expressions {
        let found = served.problems(expression);
        problems.extend(found.into_iter().map(|problem| (problem, *expression)));
    }
    assert!(problems.is_empty(), "{problems:#?}");

    // Conversely, every metric must be visible somewhere.
    let used: BTreeSet<String> = expressions
        .iter()
        .flat_map(|expression| named(expression).selectors)
        .map(|selector| selector.metric)
        .collect();
    for (name, kind) in &served.types {
        let is_used = match kind.as_str() {
            "histogram" => {
                used.contains(&format!("{name}_bucket")) || used.contains(&format!("{name}_sum"))
            }
            _ => used.contains(name),
        };
        assert!(is_used, "{name} is neither on the dashboard nor in a rule");
    }
}

#[tokio::test]
async fn expressions_on_unserved_metrics_are_found() {
    let shop = shop().await;
    let served = Served::by(&shop).await;
    for wrong in [
        "rate(oms_orders_totals[5m])",
        "oms_http_request_duration_seconds",
        "oms_orders_total{outcome=\"payed\"}",
        "oms_orders_total{outcome=~\"paid|payed\"}",
        "oms_orders_total{kind=\"paid\"}",
        "sum by (kind) (oms_orders_total)",
        "1 > 0",
    ] {
        assert!(!served.problems(wrong).is_empty(), "{wrong}");
    }
    let right = "sum by (outcome, instance) (rate(oms_orders_total{outcome=\"paid\"}[5m]))";
    assert_eq!(served.problems(right), Vec::<String>::new());
}

const REFERENCE: &str = "<!-- Generated by `cargo xtask docs` from the help texts of the metrics. -->

# Metrics

Served at `/metrics` on `OMS_METRICS_PORT`, for Prometheus. Counters and histograms are of one instance since it started; sum them over
instances. Gauges of due or open items are read from the database, and every instance serves the same values: take the maximum. Durations
are histograms in seconds. Labels have values from fixed sets; no text of a client becomes a label. [deploy](../../deploy) has alert rules
and a dashboard, and [the runbook](../operating/runbook.md) describes how to respond to each alert.

| metric | type | labels | meaning |
|---|---|---|---|
";

/// Labels whose values are not listed: the API documents them elsewhere, or they differ between builds.
const UNLISTED: [&str; 3] = ["route", "method", "version"];

fn reference(served: &Served) -> String {
    let mut page = REFERENCE.to_owned();
    for (name, kind) in &served.types {
        let series = match kind.as_str() {
            "histogram" => &served.series[&format!("{name}_sum")],
            _ => &served.series[name],
        };
        let mut labels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (label, value) in series.iter().flatten() {
            labels.entry(label).or_default().insert(value);
        }
        let labels = labels.iter().map(|(label, values)| {
            if UNLISTED.contains(label) {
                return format!("`{label}`");
            }
            let values: Vec<String> = values.iter().map(|it| format!("`{it}`")).collect();
            format!("`{label}`: {}", values.join(", "))
        });
        let labels: Vec<String> = labels.collect();
        let (labels, help) = (labels.join("; "), &served.helps[name]);
        page += &format!("| `{name}` | {kind} | {labels} | {help} |\n");
    }
    page
}

#[tokio::test]
async fn every_metric_has_a_help_text_and_its_reference_is_up_to_date() {
    let shop = shop().await;
    let served = Served::by(&shop).await;
    for name in served.types.keys() {
        assert!(served.helps.contains_key(name), "{name} has no HELP");
    }
    assert_page("reference/metrics.md", &reference(&served));
}

#[test]
fn every_alert_has_a_severity_a_description_and_a_runbook_section() {
    let rules: Value = yaml_serde::from_str(&read("deploy/prometheus/oms-alerts.yaml")).unwrap();
    let runbook = read("docs/operating/runbook.md");
    let mut sections: BTreeMap<&str, &str> = runbook
        .split("\n### ")
        .skip(1)
        .map(|section| section.split_once("\n\n").unwrap())
        .collect();
    let groups = rules["groups"].as_array().unwrap();
    let mut names = BTreeSet::new();
    for rule in groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap())
    {
        let name = text(rule, "/alert");
        assert!(name.starts_with("Oms") && names.insert(name), "{rule}");
        let severity = text(rule, "/labels/severity");
        assert!(
            ["page", "ticket"].contains(&severity),
            "{name}: {severity:?}"
        );
        let summary = text(rule, "/annotations/summary");
        assert!((15..=120).contains(&summary.len()), "{name}: {summary}");
        let section = format!("docs/operating/runbook.md#{}", name.to_lowercase());
        assert_eq!(text(rule, "/annotations/runbook"), section);
        let section = sections.remove(name).unwrap_or_default();
        for part in ["- **Means**: ", "- **Look at**: ", "- **Do**: "] {
            let said = section.split_once(part).map_or("", |(_, said)| said);
            assert!(said.len() >= 20, "{name} in the runbook: {part}{said}");
        }
    }
    assert_eq!(sections, BTreeMap::new(), "sections without an alert");
}
