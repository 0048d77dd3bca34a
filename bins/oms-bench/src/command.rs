//! The whole command: every workload in turn, alternating between our runs and the ceiling's, and then the report.

use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::ceiling::{Pgbench, Script, Shape};
use crate::database::Cluster;
use crate::following;
use crate::growth::{self, Grown};
use crate::load::Pace;
use crate::locked;
use crate::machine::{self, Machine};
use crate::measure::Bench;
use crate::options::{Gateway, Options, Plan};
use crate::pages;
use crate::programs::Places;
use crate::report::{self, Report, Row, Run};
use crate::traffic::Cancels;
use crate::workload::{Scene, Workload};

/// The same seed forevery run, so that all make the same requests.
const SEED: u64 = 20_261_122;
/// The open loop's rate, as a part of the highest closed-loop rate.
const OPEN_SHARE: f64 = 0.5;

/// Measures what the options select. Fails if an answer was unexpected or an invariant is broken.
pub(crate) async fn run(options: &Options) -> Result<()> {
    if let Some(workload) = options.catalogue {
        writeln!(stdout(), "{:#}", workload.scene().dataset.listing())?;
        return Ok(());
    }
    let plan = options.plan();
    let output = required(options.output.clone(), "--output")?;
    std::fs::create_dir_all(&output)
        .with_context(|| format!("could not create {}", output.display()))?;
    let mut bench = prepare(options, &plan, output.clone()).await?;
    let machine = Machine::look(&bench.cluster.version, &output)?;
    let commit = machine::commit();
    if let Some(locking) = options.locking() {
        return locked::run(&mut bench, locking, &output).await;
    }
    if let Some(following) = options.following() {
        return following::run(&mut bench, following, &output).await;
    }
    if let Some(visiting) = options.visiting() {
        return pages::run(&bench, visiting, &output).await;
    }
    if let Some(growing) = options.growing() {
        let mut grown = Grown::new(machine, commit);
        growth::run(&mut bench, &growing, &mut grown, &output).await?;
        bench.cluster.clean_up().await?;
        let curves = grown.draw(&output)?;
        return conclude(&output, "growth.json", &curves, &grown.faults());
    }
    let mut report = Report {
        machine,
        commit,
        rows: Vec::new(),
        orders: BTreeMap::new(),
        routing_ms: BTreeMap::new(),
    };
    for workload in plan.workloads.iter().copied() {
        measure(&mut bench, options, &plan, workload, &mut report).await?;
        // Saves the report after each workload, in case a later one fails.
        report.write(&output)?;
    }
    measure_routing(&mut bench, &plan, &mut report).await?;
    measure_behind_a_gateway(&mut bench, &plan, &mut report).await?;
    report.write(&output)?;
    bench.cluster.clean_up().await?;
    report::print(&report, &mut stdout().lock())?;
    let curves = report::draw(&report.rows, &output)?;
    let faults: Vec<String> = report.rows.iter().flat_map(Row::faults).collect();
    conclude(&output, "latest.json", &curves, &faults)
}

async fn prepare(options: &Options, plan: &Plan, output: PathBuf) -> Result<Bench> {
    let superuser = required(options.superuser_url.clone(), "--superuser-url")?;
    let application = required(options.application_url.clone(), "--application-url")?;
    let places = Places {
        programs: required(options.programs.clone(), "--programs")?,
        output: output.clone(),
    };
    let cluster = Cluster::connect(&superuser, &application).await?;
    cluster.migrate(&places.programs.join("oms-api")).await?;
    Ok(Bench {
        cluster,
        places,
        pgbench: Pgbench {
            program: required(options.pgbench.clone(), "--pgbench")?,
            folder: output.join("pgbench"),
        },
        server_log: required(options.server_log.clone(), "--server-log")?,
        gateway: options.gateway,
        window: plan.window,
        known_orders: plan.known_orders,
        cancels: Cancels::Missing,
        seed: SEED,
    })
}

fn required<T>(value: Option<T>, name: &str) -> Result<T> {
    value.with_context(|| format!("{name} is missing; run cargo xtask bench instead"))
}

/// Makes all runs of one workload.
async fn measure(
    bench: &mut Bench,
    options: &Options,
    plan: &Plan,
    workload: Workload,
    report: &mut Report,
) -> Result<()> {
    let compares = |connections: &usize| {
        options.gateway == Gateway::Instant && plan.has_ceiling(workload, *connections)
    };
    let concurrency = plan.concurrency(workload);
    let mut script = None;
    // The first workload is always captured, because that also shows whether the server can cancel.
    if report.orders.is_empty() || concurrency.iter().any(compares) {
        let captured = bench.capture(workload).await;
        let captured = captured.with_context(|| {
            format!(
                "{}: could not capture the statements of an order",
                workload.name()
            )
        })?;
        report.orders.insert(workload.name(), statements(&captured));
        script = Some(captured);
    }
    for connections in concurrency {
        let pace = pace(workload, &report.rows)?;
        let script = script.as_ref().filter(|_| compares(&connections));
        let mut systems: BTreeMap<String, Vec<Run>> = BTreeMap::new();
        for round in 1..=plan.rounds(workload) {
            say(&format!(
                "· {} c={connections} round {round}, load average {}",
                workload.name(),
                machine::load_average()
            ));
            let ours = bench.ours(workload, connections, pace).await?;
            keep(&mut systems, "oms", ours);
            if let Some(script) = script {
                for shape in plan.shapes(round, best_shape(&systems)) {
                    let run = bench.ceiling(workload, connections, script, shape).await?;
                    keep(&mut systems, name_of(shape), run);
                }
            }
            for (name, address) in &options.url {
                keep(
                    &mut systems,
                    name,
                    bench.other(*address, workload, connections, pace).await?,
                );
            }
        }
        report
            .rows
            .extend(rows(workload, options.gateway, connections, systems));
    }
    Ok(())
}

async fn measure_routing(bench: &mut Bench, plan: &Plan, report: &mut Report) -> Result<()> {
    for dataset in &plan.routed {
        let demand = Workload::Far.scene().demand;
        let dataset = *dataset;
        bench.cluster.fresh(&dataset).await?;
        let routing_ms = bench.routing_ms(&Scene { dataset, demand }).await?;
        say(&format!(
            "· far, routing alone with {} warehouses: {routing_ms:.2} ms",
            dataset.warehouses
        ));
        report.routing_ms.insert(dataset.warehouses, routing_ms);
    }
    Ok(())
}

/// Measures one point with a gateway, as users have one, in a command that otherwise measures without.
async fn measure_behind_a_gateway(
    bench: &mut Bench,
    plan: &Plan,
    report: &mut Report,
) -> Result<()> {
    let Some(connections) = plan.behind_a_gateway else {
        return Ok(());
    };
    let (workload, gateway) = (Workload::Uniform, Gateway::Sandbox);
    bench.gateway = gateway;
    let mut systems = BTreeMap::new();
    for round in 1..=plan.rounds(workload) {
        say(&format!(
            "· {} behind the sandbox c={connections} round {round}",
            workload.name()
        ));
        let ours = bench.ours(workload, connections, Pace::Closed).await?;
        keep(&mut systems, "oms", ours);
    }
    report
        .rows
        .extend(rows(workload, gateway, connections, systems));
    Ok(())
}

/// The shape with the highest rate so far.
fn best_shape(systems: &BTreeMap<String, Vec<Run>>) -> Option<Shape> {
    let rate = |shape: &Shape| {
        let runs = systems.get(name_of(*shape)).into_iter().flatten();
        runs.map(|run| run.per_s).fold(0.0, f64::max)
    };
    let measured = Shape::ALL.into_iter().filter(|shape| rate(shape) > 0.0);
    measured.max_by(|one, other| rate(one).total_cmp(&rate(other)))
}

const fn name_of(shape: Shape) -> &'static str {
    match shape {
        Shape::OneTransaction => "one transaction",
        Shape::AsSent => "as sent",
    }
}

fn keep(systems: &mut BTreeMap<String, Vec<Run>>, name: &str, run: Run) {
    let mark = if run.is_disturbed() {
        ", disturbed"
    } else {
        ""
    };
    say(&format!(
        "  {name}: {:.0}/s, p50 {:.1} ms, p99 {:.1} ms; others took {:.0} % before and {:.0} % during{mark}",
        run.per_s,
        run.percentiles.p50_ms,
        run.percentiles.p99_ms,
        run.foreign_before * 100.0,
        run.foreign_during * 100.0,
    ));
    systems.entry(name.to_owned()).or_default().push(run);
}

/// The rows: ours first, then the ceiling, which is the better of its two shapes, then other systems.
fn rows(
    workload: Workload,
    gateway: Gateway,
    connections: usize,
    mut systems: BTreeMap<String, Vec<Run>>,
) -> Vec<Row> {
    let row = |name: &str, runs| Row::of(workload, gateway, connections, name, runs);
    let shapes = Shape::ALL
        .into_iter()
        .filter_map(|shape| systems.remove(name_of(shape)));
    let ceiling = shapes
        .map(|runs| row("ceiling", runs))
        .max_by(|one, other| one.per_s.total_cmp(&other.per_s));
    let mut ours: Vec<Row> = systems
        .remove("oms")
        .map(|runs| row("oms", runs))
        .into_iter()
        .collect();
    let others: Vec<Row> = systems
        .into_iter()
        .map(|(name, runs)| row(&name, runs))
        .collect();
    if let Some(ceiling) = &ceiling {
        ours.iter_mut().for_each(|ours| ours.compare(&ceiling.runs));
    }
    ours.into_iter().chain(ceiling).chain(others).collect()
}

/// The open loop's rate is a part of the highest rate that `uniform` just reached.
fn pace(workload: Workload, rows: &[Row]) -> Result<Pace> {
    if workload != Workload::Open {
        return Ok(Pace::Closed);
    }
    let uniform = rows
        .iter()
        .filter(|row| row.workload == Workload::Uniform && row.system == "oms");
    let highest = uniform.map(|row| row.per_s).max_by(f64::total_cmp);
    let highest = highest.context("open needs the rate of uniform: use --workload uniform,open")?;
    Ok(Pace::PerSecond((highest * OPEN_SHARE).max(1.0)))
}

fn statements(script: &Script) -> serde_json::Value {
    json!({
        "statements": script.statements(),
        "transactions": script.transactions(),
        "round_trips": script.round_trips(),
    })
}

fn conclude(output: &Path, json: &str, curves: &[String], faults: &[String]) -> Result<()> {
    say(&format!(
        "written: {} {}",
        output.join(json).display(),
        curves.join(" ")
    ));
    if faults.is_empty() {
        say("✓ every answer was expected, every invariant holds");
        return Ok(());
    }
    bail!("{} faults:\n  {}", faults.len(), faults.join("\n  "))
}

/// Ignores a closed pipe, so that the programs are stopped nevertheless.
pub(crate) fn say(text: &str) {
    let _ = writeln!(stdout(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(per_s: f64) -> Vec<Run> {
        vec![Run {
            per_s,
            ..Run::default()
        }]
    }

    #[test]
    fn the_ceiling_is_the_better_of_its_shapes() {
        let systems = BTreeMap::from([
            ("oms".to_owned(), runs(300.0)),
            ("one transaction".to_owned(), runs(100.0)),
            ("as sent".to_owned(), runs(150.0)),
            ("old".to_owned(), runs(10.0)),
        ]);
        let rows = rows(Workload::Uniform, Gateway::Instant, 64, systems);
        let systems: Vec<&str> = rows.iter().map(|row| row.system.as_str()).collect();
        assert_eq!(systems, ["oms", "ceiling", "old"]);
        assert!((rows[1].per_s - 150.0).abs() < 1e-9);
        assert_eq!(rows[0].ratio_to_ceiling, Some(2.0));
    }

    #[test]
    fn the_best_shape_is_the_fastest_that_was_measured() {
        let mut systems = BTreeMap::new();
        assert_eq!(best_shape(&systems), None);
        systems.insert("one transaction".to_owned(), runs(100.0));
        systems.insert("as sent".to_owned(), runs(150.0));
        assert_eq!(best_shape(&systems), Some(Shape::AsSent));
    }

    #[test]
    fn the_open_loop_sends_at_half_of_the_highest_rate() {
        let row = |connections, per_s| {
            Row::of(
                Workload::Uniform,
                Gateway::Instant,
                connections,
                "oms",
                runs(per_s),
            )
        };
        let rows = [row(8, 100.0), row(64, 400.0)];
        assert_eq!(pace(Workload::Open, &rows).unwrap(), Pace::PerSecond(200.0));
        assert_eq!(pace(Workload::Hot, &rows).unwrap(), Pace::Closed);
        assert!(pace(Workload::Open, &[]).is_err());
    }
}
