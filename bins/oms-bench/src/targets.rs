//! The targets, and whether the measurements meet them. A missed target does not fail the command: figures of a shared
//! machine are noisy, and people must judge them.

use serde::Serialize;

use crate::latencies::{float, median};
use crate::options::Gateway;
use crate::programs::GATEWAY_LATENCY_MS;
use crate::report::{Report, Row, Run, rounded};
use crate::workload::Workload;

/// An earlier measurement of the older system on a similar machine, used if `--url` names no other system: orders per
/// second at 64 connections, and milliseconds of `uniform` with one.
const OLDER_UNIFORM_PER_S: f64 = 295.0;
const OLDER_HOT_PER_S: f64 = 285.0;
const OLDER_FAR_PER_S: f64 = 27.0;
const OLDER_UNIFORM_P50_MS: f64 = 8.0;

/// Connections of most targets.
const USUAL: usize = 64;
/// Connections of a crowd.
pub(crate) const CROWD: usize = 1000;
/// Connections that wait for a gateway.
pub(crate) const WAITING: usize = 256;

/// A target and its result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Target {
    #[serde(rename = "target")]
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) bound: Bound,
    /// `None` if this command did not measure it.
    pub(crate) measured: Option<f64>,
    pub(crate) holds: Option<bool>,
}

/// The bound of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    pub(crate) fn of(name: &str, unit: &'static str, bound: Bound, measured: Option<f64>) -> Self {
        let measured = measured.filter(|figure| figure.is_finite()).map(rounded);
        Self {
            name: name.to_owned(),
            unit,
            bound,
            measured,
            holds: measured.map(|figure| match bound {
                Bound::AtLeast(least) => figure >= least,
                Bound::AtMost(most) => figure <= most,
            }),
        }
    }

    fn at_least(name: &str, unit: &'static str, least: f64, measured: Option<f64>) -> Self {
        Self::of(name, unit, Bound::AtLeast(least), measured)
    }

    fn at_most(name: &str, unit: &'static str, most: f64, measured: Option<f64>) -> Self {
        Self::of(name, unit, Bound::AtMost(most), measured)
    }
}

/// Returns every target, measured or not.
pub(crate) fn judge(report: &Report) -> Vec<Target> {
    let mut targets = against_the_ceiling(report);
    targets.extend(against_the_older_system(report));
    targets.extend(against_itself(report));
    targets.extend(of_routing(report));
    targets.extend(of_the_program(report));
    targets
}

fn against_the_ceiling(report: &Report) -> Vec<Target> {
    let ratio = |workload| ours(report, workload, USUAL).and_then(|row| row.ratio_to_ceiling);
    let alone = ours(report, Workload::Uniform, 1).and_then(|row| row.ratio_to_ceiling);
    vec![
        Target::at_least("uniform, c=1: ÷ the ceiling", "×", 1.0, alone),
        Target::at_least(
            "uniform, c=64: ÷ the ceiling",
            "×",
            5.0,
            ratio(Workload::Uniform),
        ),
        Target::at_least("hot, c=64: ÷ the ceiling", "×", 10.0, ratio(Workload::Hot)),
    ]
}

fn against_the_older_system(report: &Report) -> Vec<Target> {
    let faster = |workload, stand_in, least| {
        let older = other(report, workload, USUAL);
        let (rate, source) = older.map_or((stand_in, ", another day"), |row| (row.per_s, ""));
        let name = format!(
            "{}, c=64: ÷ the older system ({rate:.0}/s{source})",
            workload.name()
        );
        let measured = ours(report, workload, USUAL).map(|row| row.per_s / rate);
        Target::at_least(&name, "×", least, measured)
    };
    let older = other(report, Workload::Uniform, 1);
    let (p50_ms, source) = older.map_or((OLDER_UNIFORM_P50_MS, ", another day"), |row| {
        (row.p50_ms, "")
    });
    let alone = ours(report, Workload::Uniform, 1).map(|row| row.p50_ms / p50_ms);
    vec![
        faster(Workload::Uniform, OLDER_UNIFORM_PER_S, 10.0),
        faster(Workload::Hot, OLDER_HOT_PER_S, 22.0),
        faster(Workload::Far, OLDER_FAR_PER_S, 150.0),
        Target::at_most(
            &format!("uniform, c=1: p50 ÷ the older system's ({p50_ms:.1} ms{source})"),
            "×",
            0.35,
            alone,
        ),
    ]
}

fn against_itself(report: &Report) -> Vec<Target> {
    let usual = |workload| ours(report, workload, USUAL).map(|row| row.per_s);
    let times_uniform = |workload| Some(usual(workload)? / usual(Workload::Uniform)?);
    let crowd = ours(report, Workload::Hot, CROWD);
    let alone = ours(report, Workload::Uniform, 1);
    let open = ours_of(report, Workload::Open);
    let flash = ours_of(report, Workload::Flash);
    let unexpected = |row: &Row| float(row.runs.iter().map(|run| run.unexpected).sum());
    vec![
        Target::at_least(
            "c=64: hot ÷ uniform",
            "×",
            0.9,
            times_uniform(Workload::Hot),
        ),
        Target::at_most(
            "hot, c=1000: p99 ÷ p50",
            "×",
            2.0,
            crowd.map(|row| row.p99_ms / row.p50_ms),
        ),
        Target::at_most(
            "hot, c=1000: answers other than 201",
            "",
            0.0,
            crowd.map(unexpected),
        ),
        Target::at_most(
            "open at half of the highest rate: p99 ÷ p50 of uniform, c=1",
            "×",
            5.0,
            open.zip(alone)
                .map(|(row, alone)| row.p99_ms / alone.p50_ms),
        ),
        Target::at_most(
            "flash: until everybody is answered",
            "s",
            1.2,
            flash.map(|row| median(row.runs.iter().map(|run| run.elapsed_s))),
        ),
        Target::at_most(
            "flash: answers other than 500 × 201 and 4500 × 422",
            "",
            0.0,
            flash.map(unexpected),
        ),
        Target::at_least(
            "c=64: replay ÷ uniform",
            "×",
            5.0,
            times_uniform(Workload::Replay),
        ),
        Target::at_least(
            "c=64: reads ÷ uniform",
            "×",
            10.0,
            times_uniform(Workload::Reads),
        ),
        behind_a_gateway(report),
    ]
}

/// The target for connections that wait for the gateway, and for the API no longer than with 64 connections.
fn behind_a_gateway(report: &Report) -> Target {
    let measured = find(report, Workload::Uniform, Gateway::Sandbox, WAITING, OURS);
    let own_ms = ours(report, Workload::Uniform, USUAL).map(|row| row.p50_ms);
    let possible = own_ms.map(|own_ms| {
        let latency_ms = float(GATEWAY_LATENCY_MS) + own_ms;
        float(u64::try_from(WAITING).unwrap_or(u64::MAX)) * 1000.0 / latency_ms
    });
    Target::at_least(
        "sandbox, c=256: ÷ 256 / (100 ms + p50 of uniform at c=64)",
        "×",
        0.9,
        measured
            .zip(possible)
            .map(|(row, possible)| row.per_s / possible),
    )
}

/// The routing statements alone on one connection, including their round trips.
fn of_routing(report: &Report) -> Vec<Target> {
    let routing_ms = |warehouses: u32| report.routing_ms.get(&warehouses).copied();
    let growth = routing_ms(2000)
        .zip(routing_ms(200))
        .map(|(large, small)| large / small);
    vec![
        Target::at_most(
            "far: routing in the database, 2000 warehouses",
            "ms",
            1.0,
            routing_ms(2000),
        ),
        Target::at_most("far: routing, 2000 ÷ 200 warehouses", "×", 10.0, growth),
    ]
}

fn of_the_program(report: &Report) -> Vec<Target> {
    let instant = |row: &&Row| row.system == OURS && row.gateway == Gateway::Instant;
    let runs = || report.rows.iter().filter(instant).flat_map(|row| &row.runs);
    let middle = |value: fn(&Run) -> Option<f64>| {
        let values: Vec<f64> = runs().filter_map(value).collect();
        (!values.is_empty()).then(|| median(values))
    };
    let crowd = ours(report, Workload::Hot, CROWD);
    let most_memory = |row: &Row| {
        let loaded = row.runs.iter().filter_map(|run| run.memory_loaded_mb);
        loaded.max_by(f64::total_cmp)
    };
    let loaded = crowd.and_then(most_memory);
    let flash = ours_of(report, Workload::Flash).and_then(most_memory);
    vec![
        Target::at_most("hot, c=1000: the API's memory", "MB", 60.0, loaded),
        Target::at_most("flash: the API's memory", "MB", 120.0, flash),
        Target::at_most(
            "the API's memory when idle",
            "MB",
            18.0,
            middle(|run| run.memory_idle_mb),
        ),
        Target::at_most(
            "the API's start until it is ready",
            "ms",
            150.0,
            middle(|run| run.ready_ms),
        ),
    ]
}

/// Our name in the report.
const OURS: &str = "oms";

fn ours(report: &Report, workload: Workload, connections: usize) -> Option<&Row> {
    find(report, workload, Gateway::Instant, connections, OURS)
}

/// Returns our row of a workload with only one number of connections.
fn ours_of(report: &Report, workload: Workload) -> Option<&Row> {
    let mut rows = report.rows.iter();
    rows.find(|row| row.workload == workload && row.system == OURS)
}

/// Returns the first system that is neither ours nor the database alone.
fn other(report: &Report, workload: Workload, connections: usize) -> Option<&Row> {
    report.rows.iter().find(|row| {
        (row.workload, row.concurrency) == (workload, connections)
            && ![OURS, "ceiling"].contains(&row.system.as_str())
    })
}

fn find<'a>(
    report: &'a Report,
    workload: Workload,
    gateway: Gateway,
    connections: usize,
    system: &str,
) -> Option<&'a Row> {
    report.rows.iter().find(|row| {
        (row.workload, row.gateway, row.concurrency) == (workload, gateway, connections)
            && row.system == system
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{report, run};

    fn row(workload: Workload, connections: usize, system: &str, per_s: f64) -> Row {
        Row::of(
            workload,
            Gateway::Instant,
            connections,
            system,
            vec![run(per_s)],
        )
    }

    fn target(report: &Report, beginning: &str) -> Target {
        let mut found = judge(report);
        found.retain(|target| target.name.starts_with(beginning));
        assert_eq!(found.len(), 1, "{beginning}");
        found.remove(0)
    }

    #[test]
    fn a_target_that_was_not_measured_has_no_verdict() {
        let targets = judge(&report(Vec::new()));
        assert!(targets.len() > 15);
        for target in targets {
            assert_eq!((target.measured, target.holds), (None, None), "{target:?}");
        }
    }

    #[test]
    fn a_figure_at_its_bound_holds_and_one_beyond_it_does_not() {
        let rows = |hot| {
            vec![
                row(Workload::Uniform, 64, "oms", 1000.0),
                row(Workload::Hot, 64, "oms", hot),
            ]
        };
        let at = target(&report(rows(900.0)), "c=64: hot");
        assert_eq!((at.measured, at.holds), (Some(0.9), Some(true)));
        let beyond = target(&report(rows(899.0)), "c=64: hot");
        assert_eq!(beyond.holds, Some(false));
    }

    #[test]
    fn the_older_system_is_measured_beside_ours_or_replaced_by_an_earlier_measurement() {
        let ours = row(Workload::Far, 64, "oms", 4050.0);
        let alone = target(&report(vec![ours.clone()]), "far, c=64: ÷ the older");
        assert_eq!((alone.measured, alone.holds), (Some(150.0), Some(true)));
        assert!(alone.name.contains("27/s, another day"), "{}", alone.name);
        let beside = vec![ours, row(Workload::Far, 64, "old", 90.0)];
        let beside = target(&report(beside), "far, c=64: ÷ the older");
        assert_eq!((beside.measured, beside.holds), (Some(45.0), Some(false)));
    }

    #[test]
    fn behind_a_gateway_our_own_latency_lowers_the_possible_rate() {
        let waiting = Row::of(
            Workload::Uniform,
            Gateway::Sandbox,
            WAITING,
            "oms",
            vec![run(2000.0)],
        );
        // run() takes 1 ms: 256 / 101 ms are 2,534/s.
        let rows = vec![row(Workload::Uniform, 64, "oms", 3000.0), waiting];
        let target = target(&report(rows), "sandbox");
        assert!(
            (target.measured.unwrap() - 0.789).abs() < 1e-9,
            "{target:?}"
        );
        assert_eq!(target.holds, Some(false));
    }

    #[test]
    fn routing_time_may_grow_with_the_warehouses_but_more_slowly() {
        let mut report = report(Vec::new());
        report.routing_ms.extend([(200, 0.18), (2000, 0.9)]);
        assert_eq!(target(&report, "far: routing, 2000").measured, Some(5.0));
        report.routing_ms.insert(2000, 1.9);
        assert_eq!(target(&report, "far: routing, 2000").holds, Some(false));
        assert_eq!(target(&report, "far: routing in the").holds, Some(false));
    }
}
