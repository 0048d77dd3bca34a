//! The results: a table, `latest.json` and charts.

mod curves;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};

use crate::latencies::{Percentiles, median};
use crate::machine::{DISTURBED, Machine};
use crate::options::Gateway;
use crate::targets::judge;
use crate::workload::Workload;

pub(crate) use curves::{Chart, Line, draw};
pub(crate) use table::{print, print_targets};

/// One run.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Run {
    pub(crate) per_s: f64,
    #[serde(flatten)]
    pub(crate) percentiles: Percentiles,
    /// The duration of the counted requests.
    pub(crate) elapsed_s: f64,
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) unexpected: u64,
    pub(crate) complaints: Vec<String>,
    pub(crate) wal_bytes_per_order: Option<f64>,
    pub(crate) flushes_per_order: Option<f64>,
    pub(crate) cpu_us_per_order: Cpu,
    pub(crate) memory_idle_mb: Option<f64>,
    pub(crate) memory_loaded_mb: Option<f64>,
    pub(crate) ready_ms: Option<f64>,
    /// The part of the machine that other programs used, before and during the run.
    pub(crate) foreign_before: f64,
    pub(crate) foreign_during: f64,
    /// `None` for a system whose database is not ours.
    pub(crate) invariants_broken: Option<Vec<String>>,
}

/// Processor time, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Cpu {
    pub(crate) database: f64,
    pub(crate) server: f64,
    /// The generator, and the gateway if there is one.
    pub(crate) generator: f64,
}

impl Run {
    pub(crate) fn is_disturbed(&self) -> bool {
        self.foreign_before > DISTURBED || self.foreign_during > DISTURBED
    }
}

/// The results of one system with one workload at one concurrency.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) workload: Workload,
    pub(crate) gateway: Gateway,
    pub(crate) concurrency: usize,
    pub(crate) system: String,
    pub(crate) per_s: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) ratio_to_ceiling: Option<f64>,
    pub(crate) invariants_broken: Option<Vec<String>>,
    #[serde(skip)]
    pub(crate) runs: Vec<Run>,
}

impl Row {
    /// Returns the medians of several runs, and everything that any of them broke.
    pub(crate) fn of(
        workload: Workload,
        gateway: Gateway,
        concurrency: usize,
        system: &str,
        runs: Vec<Run>,
    ) -> Self {
        let middle = |value: fn(&Run) -> f64| rounded(median(runs.iter().map(value)));
        let broken: Vec<&Vec<String>> = runs
            .iter()
            .filter_map(|run| run.invariants_broken.as_ref())
            .collect();
        Self {
            workload,
            gateway,
            concurrency,
            system: system.to_owned(),
            per_s: middle(|run| run.per_s),
            p50_ms: middle(|run| run.percentiles.p50_ms),
            p95_ms: middle(|run| run.percentiles.p95_ms),
            p99_ms: middle(|run| run.percentiles.p99_ms),
            ratio_to_ceiling: None,
            invariants_broken: (!broken.is_empty())
                .then(|| broken.into_iter().flatten().cloned().collect()),
            runs,
        }
    }

    /// Compares with the ceiling's runs, each with the one that it alternated with.
    pub(crate) fn compare(&mut self, ceiling: &[Run]) {
        let pairs = self
            .runs
            .iter()
            .zip(ceiling)
            .filter(|(_, ceiling)| ceiling.per_s > 0.0);
        self.ratio_to_ceiling = Some(rounded(median(
            pairs.map(|(ours, ceiling)| ours.per_s / ceiling.per_s),
        )));
    }

    pub(crate) fn is_disturbed(&self) -> bool {
        self.runs.iter().any(Run::is_disturbed)
    }

    /// The reasons why the command must fail, if any.
    pub(crate) fn faults(&self) -> Vec<String> {
        let name = format!(
            "{} at {} by {}",
            self.workload.name(),
            self.concurrency,
            self.system
        );
        let broken = self
            .invariants_broken
            .iter()
            .flatten()
            .map(|broken| format!("{name}: {broken}"));
        let unexpected = self.runs.iter().filter(|run| run.unexpected > 0);
        let unexpected = unexpected.map(|run| {
            format!(
                "{name}: {} unexpected answers: {}",
                run.unexpected,
                run.complaints.join("; ")
            )
        });
        broken.chain(unexpected).collect()
    }
}

/// All results.
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) commit: String,
    pub(crate) rows: Vec<Row>,
    /// The statements of an order, by workload.
    pub(crate) orders: BTreeMap<&'static str, Value>,
    /// How long the database takes to route an order of `far`, by number of warehouses.
    pub(crate) routing_ms: BTreeMap<u32, f64>,
}

impl Report {
    /// Writes `latest.json`: the rows, and under `details` everything else about each of their runs.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join("latest.json");
        let text = serde_json::to_string_pretty(&self.json())?;
        fs::write(&path, text + "\n").with_context(|| format!("could not write {}", path.display()))
    }

    fn json(&self) -> Value {
        let details = self.rows.iter().map(|row| {
            json!({
                "workload": row.workload, "gateway": row.gateway, "concurrency": row.concurrency,
                "system": row.system, "disturbed": row.is_disturbed(), "runs": row.runs,
            })
        });
        let details: Vec<Value> = details.collect();
        json!({
            "machine": self.machine,
            "commit": self.commit,
            "rows": self.rows,
            "targets": judge(self),
            "details": {
                "runs": details, "order_statements": self.orders, "far_routing_ms": self.routing_ms,
            },
        })
    }
}

/// Rounds to three decimals: the clocks are no more precise.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn run(per_s: f64) -> Run {
        Run {
            per_s,
            percentiles: Percentiles {
                p50_ms: 1.0,
                p95_ms: 2.0,
                p99_ms: 3.0,
            },
            invariants_broken: Some(Vec::new()),
            ..Run::default()
        }
    }

    pub(super) fn row(concurrency: usize, system: &str, per_s: &[f64]) -> Row {
        let runs = per_s.iter().copied().map(run).collect();
        Row::of(
            Workload::Uniform,
            Gateway::Instant,
            concurrency,
            system,
            runs,
        )
    }

    #[test]
    fn a_row_has_the_medians_and_the_ratio_of_alternating_runs() {
        let mut ours = row(64, "oms", &[100.0, 300.0, 200.0]);
        assert!((ours.per_s - 200.0).abs() < 1e-9);
        ours.compare(&[run(50.0), run(100.0), run(200.0)]);
        assert_eq!(ours.ratio_to_ceiling, Some(2.0));
    }

    #[test]
    fn an_invariant_that_any_run_broke_is_a_fault_of_the_row() {
        let mut runs = vec![run(1.0), run(2.0)];
        runs[1].invariants_broken = Some(vec!["one order for each key".to_owned()]);
        runs[1].unexpected = 3;
        let row = Row::of(Workload::Hot, Gateway::Instant, 8, "oms", runs);
        assert_eq!(row.faults().len(), 2);
        assert!(row.faults()[0].contains("hot at 8 by oms: one order"));
    }

    pub(crate) fn report(rows: Vec<Row>) -> Report {
        Report {
            machine: Machine {
                cpus: 2,
                model: "m".to_owned(),
                memory_mb: 1,
                kernel: "k".to_owned(),
                database: "d".to_owned(),
                flush_ms: 0.1,
            },
            commit: "c".to_owned(),
            rows,
            orders: BTreeMap::new(),
            routing_ms: BTreeMap::new(),
        }
    }

    #[test]
    fn the_json_has_the_documented_format() {
        let sandbox = Row::of(
            Workload::Hot,
            Gateway::Sandbox,
            1,
            "old",
            vec![Run::default()],
        );
        let json = report(vec![row(64, "oms", &[1.0]), sandbox]).json();
        let top: Vec<&String> = json.as_object().unwrap().keys().collect();
        assert_eq!(top, ["commit", "details", "machine", "rows", "targets"]);
        let target = json!({
            "target": "uniform, c=1: ÷ the ceiling", "unit": "×", "bound": { "at_least": 1.0 },
            "measured": null, "holds": null,
        });
        assert_eq!(json["targets"][0], target);
        let expected = json!({
            "workload": "uniform", "gateway": "instant", "concurrency": 64, "system": "oms", "per_s": 1.0,
            "p50_ms": 1.0, "p95_ms": 2.0, "p99_ms": 3.0, "ratio_to_ceiling": null, "invariants_broken": [],
        });
        assert_eq!(json["rows"][0], expected);
        assert_eq!(json["rows"][1]["invariants_broken"], Value::Null);
        assert_eq!(json["rows"][1]["gateway"], "sandbox");
        assert_eq!(json["details"]["runs"][0]["runs"][0]["per_s"], 1.0);
    }
}
