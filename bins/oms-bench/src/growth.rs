//! Measures new orders while one thing grows and the rest stays the same.

mod axis;

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;
use tokio_postgres::Client;

use crate::command::say;
use crate::dataset::Dataset;
use crate::invariants;
use crate::latencies::median;
use crate::load::Pace;
use crate::machine::Machine;
use crate::measure::Bench;
use crate::options::{Extent, Gateway};
use crate::report::{Chart, Line, Row, Run, rounded};
use crate::stored_orders::StoredOrders;
use crate::traffic::Known;
use crate::workload::{Scene, Workload};

pub(crate) use axis::Axis;

/// The parameters of a growth measurement.
#[derive(Clone, Debug)]
pub(crate) struct Growing {
    pub(crate) axes: Vec<Axis>,
    pub(crate) extent: Extent,
    /// Number of connections, unless that is what grows.
    pub(crate) connections: usize,
    pub(crate) rounds: u16,
}

/// The results at one size.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Point {
    axis: Axis,
    /// The number of warehouses, products, stored orders or connections.
    at: u32,
    #[serde(flatten)]
    row: Row,
    /// The time to route an order in the database alone.
    routing_ms: Option<f64>,
    /// Processor time per order or answer.
    database_us: f64,
    server_us: f64,
    wal_bytes: Option<f64>,
}

/// All results.
pub(crate) struct Grown {
    machine: Machine,
    commit: String,
    points: Vec<Point>,
}

impl Grown {
    pub(crate) fn new(machine: Machine, commit: String) -> Self {
        Self {
            machine,
            commit,
            points: Vec::new(),
        }
    }

    /// The reasons why the command must fail, if any.
    pub(crate) fn faults(&self) -> Vec<String> {
        let faults = |point: &Point| {
            let size = format!("{} {}", point.at, point.axis.name());
            let faults = point.row.faults().into_iter();
            faults.map(move |fault| format!("{size}: {fault}"))
        };
        self.points.iter().flat_map(faults).collect()
    }

    /// Writes `growth.json`.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let json = json!({ "machine": self.machine, "commit": self.commit, "rows": self.points });
        let path = folder.join("growth.json");
        std::fs::write(&path, serde_json::to_string_pretty(&json)? + "\n")
            .with_context(|| format!("could not write {}", path.display()))
    }

    /// Draws a chart of each figure along each axis, and returns the file names.
    pub(crate) fn draw(&self, folder: &Path) -> Result<Vec<String>> {
        let figures: [(&str, &str, Figure); 4] = [
            ("throughput", "answers/s", |point| Some(point.row.per_s)),
            ("p99", "ms", |point| Some(point.row.p99_ms)),
            ("database", "µs of processor time", |point| {
                Some(point.database_us)
            }),
            ("routing", "ms", |point| point.routing_ms),
        ];
        let mut files = Vec::new();
        for axis in Axis::ALL {
            for (what, unit, figure) in figures {
                let chart = Chart {
                    file: format!("growth-{}-{what}.svg", axis.name()),
                    caption: format!("{what} by number of {}", axis.label()),
                    along: axis.label(),
                    unit,
                    lines: self.lines(axis, figure),
                };
                files.extend(chart.draw(folder)?);
            }
        }
        Ok(files)
    }

    fn lines(&self, axis: Axis, figure: Figure) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        for point in self.points.iter().filter(|point| point.axis == axis) {
            let Some(value) = figure(point) else { continue };
            let name = point.row.workload.name();
            let place = (point.at, value);
            match lines.iter_mut().find(|line| line.name == name) {
                Some(line) => line.points.push(place),
                None => lines.push(Line {
                    name: name.to_owned(),
                    points: vec![place],
                }),
            }
        }
        lines
    }
}

type Figure = fn(&Point) -> Option<f64>;

/// The position of a point.
#[derive(Clone, Copy)]
struct Spot {
    axis: Axis,
    at: u32,
    workload: Workload,
}

impl Spot {
    fn point(self, connections: usize, runs: Vec<Run>, routing_ms: Option<f64>) -> Point {
        let middle = |value: fn(&Run) -> f64| rounded(median(runs.iter().map(value)));
        let wal: Vec<f64> = runs
            .iter()
            .filter_map(|run| run.wal_bytes_per_order)
            .collect();
        let point = Point {
            axis: self.axis,
            at: self.at,
            routing_ms: routing_ms.map(rounded),
            database_us: middle(|run| run.cpu_us_per_order.database),
            server_us: middle(|run| run.cpu_us_per_order.server),
            wal_bytes: (!wal.is_empty()).then(|| rounded(median(wal))),
            row: Row::of(self.workload, Gateway::Instant, connections, "oms", runs),
        };
        say(&format!(
            "· {} {}, {}: {:.0}/s, p99 {:.1} ms, database {:.0} µs{}",
            self.at,
            self.axis.name(),
            self.workload.name(),
            point.row.per_s,
            point.row.p99_ms,
            point.database_us,
            routing_ms.map_or_else(String::new, |ms| format!(", routing {ms:.2} ms")),
        ));
        point
    }
}

/// Measures along the requested axes, and saves the results after each.
pub(crate) async fn run(
    bench: &mut Bench,
    growing: &Growing,
    grown: &mut Grown,
    folder: &Path,
) -> Result<()> {
    for axis in growing.axes.iter().copied() {
        match axis {
            Axis::Warehouses => warehouses(bench, growing, grown).await?,
            Axis::Products => products(bench, growing, grown).await?,
            Axis::Orders => orders(bench, growing, grown).await?,
            Axis::Connections => connections(bench, growing, grown).await?,
        }
        grown.write(folder)?;
    }
    Ok(())
}

async fn warehouses(bench: &mut Bench, growing: &Growing, grown: &mut Grown) -> Result<()> {
    let axis = Axis::Warehouses;
    for at in axis.sizes(growing.extent).iter().copied() {
        for workload in [Workload::Uniform, Workload::Far] {
            let scene = axis::warehouses(workload, at);
            let database = build(bench, &scene.dataset).await?;
            let routing_ms = bench.routing_ms(&scene).await?;
            let spot = Spot { axis, at, workload };
            let runs = serve(bench, growing, spot, &scene, &[], &database).await?;
            let point = spot.point(growing.connections, runs, Some(routing_ms));
            grown.points.push(point);
        }
    }
    Ok(())
}

async fn products(bench: &mut Bench, growing: &Growing, grown: &mut Grown) -> Result<()> {
    let (axis, workload) = (Axis::Products, Workload::Uniform);
    for at in axis.sizes(growing.extent).iter().copied() {
        let scene = axis::products(at);
        let database = build(bench, &scene.dataset).await?;
        let routing_ms = bench.routing_ms(&scene).await?;
        let spot = Spot { axis, at, workload };
        let runs = serve(bench, growing, spot, &scene, &[], &database).await?;
        let point = spot.point(growing.connections, runs, Some(routing_ms));
        grown.points.push(point);
    }
    Ok(())
}

/// All sizes use one database, which is filled up between the measurements.
async fn orders(bench: &mut Bench, growing: &Growing, grown: &mut Grown) -> Result<()> {
    let axis = Axis::Orders;
    let scene = Workload::Uniform.scene();
    let database = build(bench, &scene.dataset).await?;
    let sizes = axis.sizes(growing.extent);
    let most = sizes.last().copied().unwrap_or_default();
    let mut stored: Option<StoredOrders> = None;
    for at in sizes.iter().copied() {
        if at > 0 {
            let began = Instant::now();
            let orders = match &mut stored {
                Some(orders) => orders,
                none => none.insert(StoredOrders::place_first(bench, &scene, most).await?),
            };
            orders.grow_to(&bench.cluster, at).await?;
            say(&format!(
                "  {at} orders stored after {:.0} s",
                began.elapsed().as_secs_f64()
            ));
        }
        let known = match &stored {
            Some(orders) => orders.some(&database).await?,
            None => Vec::new(),
        };
        for workload in [Workload::Uniform, Workload::Replay, Workload::Reads] {
            let spot = Spot { axis, at, workload };
            let runs = serve(bench, growing, spot, &scene, &known, &database).await?;
            let point = spot.point(growing.connections, runs, None);
            grown.points.push(point);
        }
    }
    Ok(())
}

async fn connections(bench: &mut Bench, growing: &Growing, grown: &mut Grown) -> Result<()> {
    let (axis, workload) = (Axis::Connections, Workload::Uniform);
    for at in axis.sizes(growing.extent).iter().copied() {
        let connections = usize::try_from(at)?;
        let mut runs = Vec::new();
        for _ in 0..growing.rounds {
            runs.push(bench.ours(workload, connections, Pace::Closed).await?);
        }
        let spot = Spot { axis, at, workload };
        grown.points.push(spot.point(connections, runs, None));
    }
    Ok(())
}

async fn build(bench: &Bench, dataset: &Dataset) -> Result<Client> {
    let began = Instant::now();
    let database = bench.cluster.build(dataset).await?;
    say(&format!(
        "  {} warehouses and {} products loaded in {:.1} s",
        dataset.warehouses,
        dataset.products,
        began.elapsed().as_secs_f64()
    ));
    Ok(database)
}

/// Makes the rounds on the same database, and checks its invariants after the last.
async fn serve(
    bench: &Bench,
    growing: &Growing,
    spot: Spot,
    scene: &Scene,
    known: &[Known],
    database: &Client,
) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    for _ in 0..growing.rounds {
        let traffic = bench.traffic(spot.workload, scene);
        if spot.workload.asks_for_orders() {
            traffic.learn(known.to_vec());
        }
        let run = bench.serve(&traffic, growing.connections, Pace::Closed);
        runs.push(run.await?);
    }
    if let Some(last) = runs.last_mut() {
        last.invariants_broken = Some(invariants::broken(database).await?);
    }
    Ok(runs)
}
