//! One run: a fresh database, a program on it, a load, and the measurements of all three.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use uuid::Uuid;

use crate::ceiling::{Pgbench, Script, Shape};
use crate::cpu::{Programs, Spent, memory_mb};
use crate::database::{Cluster, RUN, Written};
use crate::invariants;
use crate::latencies::{Latencies, float};
use crate::load::{self, Pace, Window};
use crate::machine::busy_while_idle;
use crate::options::Gateway;
use crate::programs::{Places, Program};
use crate::report::{Cpu, Run};
use crate::traffic::{Cancels, Routing, Traffic};
use crate::workload::{Scene, Workload};

/// What all runs of a command share.
pub(crate) struct Bench {
    pub(crate) cluster: Cluster,
    pub(crate) places: Places,
    pub(crate) pgbench: Pgbench,
    pub(crate) server_log: PathBuf,
    pub(crate) gateway: Gateway,
    pub(crate) window: Window,
    pub(crate) known_orders: u64,
    pub(crate) cancels: Cancels,
    pub(crate) seed: u64,
}

/// Number of connections that place the first orders, which replays and reads need.
const PRELOADING: usize = 16;
/// Minimum number of orders to ship: each takes 50 shipments.
const SHIPPED_ORDERS: u64 = 1000;
/// Buyers of the flash sale.
const BUYERS: u64 = 5000;

impl Bench {
    /// Measures the API with a workload.
    pub(crate) async fn ours(
        &mut self,
        workload: Workload,
        connections: usize,
        pace: Pace,
    ) -> Result<Run> {
        let scene = workload.scene();
        let database = self.cluster.fresh(&scene.dataset).await?;
        let traffic = self.traffic(workload, &scene);
        let mut run = self.serve(&traffic, connections, pace).await?;
        run.invariants_broken = Some(invariants::broken(&database).await?);
        Ok(run)
    }

    /// Prepares requests for our own server.
    pub(crate) fn traffic(&self, workload: Workload, scene: &Scene) -> Arc<Traffic> {
        let (cancels, routing) = (self.cancels, Routing::Checked);
        Arc::new(Traffic::new(workload, scene, cancels, routing, self.seed))
    }

    /// Measures the API on the run's database with any content. Does not check the invariants.
    pub(crate) async fn serve(
        &self,
        traffic: &Arc<Traffic>,
        connections: usize,
        pace: Pace,
    ) -> Result<Run> {
        let sandbox = match self.gateway {
            Gateway::Sandbox => Some(Program::sandbox(&self.places).await?),
            Gateway::Instant => None,
        };
        let url = self.cluster.application_url(RUN);
        let address = sandbox.as_ref().map(|sandbox| sandbox.address);
        let api = Program::api(&self.places, &url, self.gateway, address).await?;
        let programs = Programs {
            postmaster: self.cluster.postmaster,
            server: api.id(),
            others: [sandbox.as_ref().and_then(Program::id), None],
        };
        let memory = |id: Option<u32>| id.and_then(memory_mb);
        let idle = memory(api.id());
        let mut run = self
            .load(traffic, api.address, connections, pace, &programs)
            .await?;
        run.memory_idle_mb = idle.map(|(now, _)| now);
        run.memory_loaded_mb = memory(api.id()).map(|(_, most)| most);
        run.ready_ms = Some(api.ready_after.as_secs_f64() * 1000.0);
        api.stop().await.context("the API did not stop properly")?;
        if let Some(sandbox) = sandbox {
            sandbox
                .stop()
                .await
                .context("the sandbox did not stop properly")?;
        }
        Ok(run)
    }

    /// Measures another server with a workload. Its database is unknown.
    pub(crate) async fn other(
        &self,
        address: SocketAddr,
        workload: Workload,
        connections: usize,
        pace: Pace,
    ) -> Result<Run> {
        let traffic = Arc::new(Traffic::new(
            workload,
            &workload.scene(),
            Cancels::Missing,
            Routing::Unknown,
            self.seed,
        ));
        let programs = self.database_alone();
        let mut run = self
            .load(&traffic, address, connections, pace, &programs)
            .await?;
        run.wal_bytes_per_order = None;
        run.flushes_per_order = None;
        run.cpu_us_per_order.database = 0.0;
        // Its own processor time can't be told from that of other programs.
        run.foreign_during = 0.0;
        Ok(run)
    }

    /// Measures the database alone, with the statements of one order at a time.
    pub(crate) async fn ceiling(
        &mut self,
        workload: Workload,
        clients: usize,
        script: &Script,
        shape: Shape,
    ) -> Result<Run> {
        let database = self.cluster.fresh(&workload.scene().dataset).await?;
        let url = self.cluster.application_url(RUN);
        let foreign_before = busy_while_idle(&self.database_alone()).await;
        let before = self.cluster.written().await?;
        let postmaster = self.cluster.postmaster;
        let analyzed = self.cluster.analyze_during(self.window.warm_up);
        let counted = self
            .pgbench
            .run(script, shape, &url, clients, self.window, postmaster)
            .await?;
        analyzed.await??;
        let after = self.cluster.written().await?;
        let placed = database
            .query_one(
                "SELECT count(*) FROM orders.orders WHERE status = 'PAID'",
                &[],
            )
            .await?;
        let placed: i64 = placed.get(0);
        ensure!(
            u64::try_from(placed)? == counted.transactions,
            "pgbench ran {} transactions, which placed {placed} orders",
            counted.transactions
        );
        let broken = invariants::broken(&database).await?;
        let mut run = described(&counted.latencies, counted.elapsed, counted.spent);
        written(&mut run, before, after, counted.transactions);
        run.foreign_before = foreign_before;
        run.invariants_broken = Some(broken);
        Ok(run)
    }

    pub(crate) fn database_alone(&self) -> Programs {
        Programs {
            postmaster: self.cluster.postmaster,
            server: None,
            others: [None, None],
        }
    }

    async fn open_fulfilment_orders(&self) -> Result<Vec<Uuid>> {
        let client = self.cluster.open(RUN).await?;
        let text = "SELECT id::text FROM fulfilment.fulfilment_orders ORDER BY id";
        let rows = client.query(text, &[]).await?;
        let id = |row: &tokio_postgres::Row| row.get::<_, String>(0).parse();
        Ok(rows.iter().map(id).collect::<Result<_, _>>()?)
    }

    async fn load(
        &self,
        traffic: &Arc<Traffic>,
        address: SocketAddr,
        connections: usize,
        pace: Pace,
        programs: &Programs,
    ) -> Result<Run> {
        if traffic.needs_orders() {
            let known_orders = match traffic.workload.ships() {
                true => self.known_orders.max(SHIPPED_ORDERS),
                false => self.known_orders,
            };
            let preloading = load::connect(address, PRELOADING).await?;
            let preloaded =
                load::burst(traffic.clone(), preloading, known_orders, programs).await?;
            ensure!(
                preloaded.unexpected == 0,
                "could not place the first orders: {:?}",
                preloaded.complaints
            );
            if traffic.workload.ships() {
                traffic.learn_works(self.open_fulfilment_orders().await?);
            }
        }
        let connections = load::connect(address, connections).await?;
        let foreign_before = busy_while_idle(programs).await;
        let before = self.cluster.written().await?;
        let outcome = match traffic.workload {
            Workload::Flash => load::burst(traffic.clone(), connections, BUYERS, programs).await?,
            _ => load::run(traffic.clone(), connections, pace, self.window, programs).await?,
        };
        let after = self.cluster.written().await?;
        let mut run = described(&outcome.latencies, outcome.elapsed, outcome.spent);
        written(&mut run, before, after, outcome.answers);
        run.foreign_before = foreign_before;
        if let Err(complaint) = traffic.check_totals(&outcome.statuses) {
            run.unexpected += 1;
            run.complaints.push(complaint);
        }
        run.unexpected += outcome.unexpected;
        run.complaints.extend(outcome.complaints);
        run.statuses = outcome.statuses;
        Ok(run)
    }
}

fn described(latencies: &Latencies, elapsed: Duration, spent: Spent) -> Run {
    let count = float(latencies.count()).max(1.0);
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / count;
    Run {
        per_s: float(latencies.count()) / elapsed.as_secs_f64(),
        percentiles: latencies.percentiles(),
        elapsed_s: elapsed.as_secs_f64(),
        cpu_us_per_order: Cpu {
            database: micros(spent.database),
            server: micros(spent.server),
            generator: micros(spent.generator),
        },
        foreign_during: spent.foreign,
        ..Run::default()
    }
}

fn written(run: &mut Run, before: Written, after: Written, answers: u64) {
    let answers = float(answers).max(1.0);
    run.wal_bytes_per_order = Some((after.wal_bytes - before.wal_bytes) / answers);
    let flushes = after.flushes.zip(before.flushes);
    run.flushes_per_order = flushes.map(|(after, before)| (after - before) / answers);
}
