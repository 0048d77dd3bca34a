//! One run: a fresh database, a program on it, a load, and what was seen of all three.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hyper::Method;
use hyper::body::Bytes;
use serde_json::json;
use uuid::Uuid;

use crate::ceiling::{self, Pgbench, Sample, Script, Shape};
use crate::cpu::{Programs, Spent, memory_mb};
use crate::database::{Cluster, RUN, Written};
use crate::dataset::{TENANT, product_id};
use crate::http::Connection;
use crate::invariants;
use crate::latencies::{Latencies, float};
use crate::load::{self, Pace, Window};
use crate::machine::busy_while_idle;
use crate::options::Gateway;
use crate::programs::{Places, Program};
use crate::report::{Cpu, Run};
use crate::traffic::{Cancels, Routing, Traffic};
use crate::workload::{Lines, Workload};

/// What every run of a command uses.
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

const CUSTOMER: Uuid = Uuid::from_u128(0xaaaa_aaaa_aaaa_4aaa_8aaa_aaaa_aaaa_aaaa);
const SAMPLE_KEY: &str = "bench-sample";
/// Connections that place the orders which replays and reads begin with.
const PRELOADING: usize = 16;
/// Buyers of the flash sale.
const BUYERS: u64 = 5000;

impl Bench {
    /// The API under a workload.
    pub(crate) async fn ours(
        &mut self,
        workload: Workload,
        connections: usize,
        pace: Pace,
    ) -> Result<Run> {
        let database = self.cluster.fresh(workload.dataset()).await?;
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
        let traffic = Arc::new(Traffic::new(
            workload,
            self.cancels,
            Routing::Checked,
            self.seed,
        ));
        let mut run = self
            .load(
                &traffic,
                api.address,
                workload,
                connections,
                pace,
                &programs,
            )
            .await?;
        run.memory_idle_mb = idle.map(|(now, _)| now);
        run.memory_loaded_mb = memory(api.id()).map(|(_, most)| most);
        run.ready_ms = Some(api.ready_after.as_secs_f64() * 1000.0);
        api.stop().await.context("the API did not stop well")?;
        if let Some(sandbox) = sandbox {
            sandbox
                .stop()
                .await
                .context("the sandbox did not stop well")?;
        }
        run.invariants_broken = Some(invariants::broken(&database).await?);
        Ok(run)
    }

    /// Another server under a workload; nothing is known of its database.
    pub(crate) async fn other(
        &self,
        address: SocketAddr,
        workload: Workload,
        connections: usize,
        pace: Pace,
    ) -> Result<Run> {
        let traffic = Arc::new(Traffic::new(
            workload,
            Cancels::Missing,
            Routing::Unknown,
            self.seed,
        ));
        let programs = self.database_alone();
        let mut run = self
            .load(&traffic, address, workload, connections, pace, &programs)
            .await?;
        run.wal_bytes_per_order = None;
        run.flushes_per_order = None;
        run.cpu_us_per_order.database = 0.0;
        // Its own work is not that of others, and can't be told from it.
        run.foreign_during = 0.0;
        Ok(run)
    }

    /// The database alone with the statements of one order at a time.
    pub(crate) async fn ceiling(
        &mut self,
        workload: Workload,
        clients: usize,
        script: &Script,
        shape: Shape,
    ) -> Result<Run> {
        let database = self.cluster.fresh(workload.dataset()).await?;
        let url = self.cluster.application_url(RUN);
        let foreign_before = busy_while_idle(&self.database_alone()).await;
        let before = self.cluster.written().await?;
        let postmaster = self.cluster.postmaster;
        let counted = self
            .pgbench
            .run(script, shape, &url, clients, self.window, postmaster)
            .await?;
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
            "pgbench did {} transactions, which placed {placed} orders",
            counted.transactions
        );
        let broken = invariants::broken(&database).await?;
        let mut run = described(&counted.latencies, counted.elapsed, counted.spent);
        written(&mut run, before, after, counted.transactions);
        run.foreign_before = foreign_before;
        run.invariants_broken = Some(broken);
        Ok(run)
    }

    /// Places one order through the API, and makes a script of the statements that it took.
    pub(crate) async fn capture(&mut self, workload: Workload) -> Result<Script> {
        let database = self.cluster.fresh(workload.dataset()).await?;
        self.cluster.log_statements().await?;
        let url = self.cluster.application_url(RUN);
        let api = Program::api(&self.places, &url, Gateway::Instant, None).await?;
        let mut connection = Connection::open(api.address).await?;
        let first = place(&mut connection, workload, "bench-first").await?;
        self.cancels = cancels(api.address, first).await?;
        let from = ceiling::log_length(&self.server_log)?;
        let order_id = place(&mut connection, workload, SAMPLE_KEY).await?;
        drop(connection);
        api.stop().await?;
        let dataset = workload.dataset();
        let sample = Sample {
            dataset,
            demand: workload.demand(),
            order_id,
            key: SAMPLE_KEY,
            place: dataset.place_of(1),
            products: products(workload).map(product_id).collect(),
            fixed: vec![TENANT.parse()?, CUSTOMER],
        };
        let script = ceiling::capture(&self.server_log, from, &sample)?;
        invariants::check_that_rules_notice(&database).await?;
        Ok(script)
    }

    fn database_alone(&self) -> Programs {
        Programs {
            postmaster: self.cluster.postmaster,
            server: None,
            others: [None, None],
        }
    }

    async fn load(
        &self,
        traffic: &Arc<Traffic>,
        address: SocketAddr,
        workload: Workload,
        connections: usize,
        pace: Pace,
        programs: &Programs,
    ) -> Result<Run> {
        if matches!(
            workload,
            Workload::Replay | Workload::Reads | Workload::Mixed
        ) {
            let preloading = load::connect(address, PRELOADING).await?;
            let preloaded =
                load::burst(traffic.clone(), preloading, self.known_orders, programs).await?;
            ensure!(
                preloaded.unexpected == 0,
                "placing the first orders: {:?}",
                preloaded.complaints
            );
        }
        let connections = load::connect(address, connections).await?;
        let foreign_before = busy_while_idle(programs).await;
        let before = self.cluster.written().await?;
        let outcome = match workload {
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

/// Whether the server can cancel an order. On a connection of its own: a server that does not know the path may close it.
async fn cancels(address: SocketAddr, order_id: Uuid) -> Result<Cancels> {
    let mut connection = Connection::open(address).await?;
    let path = format!("/orders/{order_id}/cancel");
    let body = Bytes::from_static(b"{}");
    let (status, _) = connection.send(Method::POST, &path, None, body).await?;
    Ok(match status.as_u16() {
        200 | 202 | 409 => Cancels::Offered,
        _ => Cancels::Missing,
    })
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

fn products(workload: Workload) -> std::ops::RangeInclusive<u32> {
    match workload.demand().lines {
        Lines::Same => 1..=1,
        Lines::Random(count) => 1..=count,
    }
}

/// Places an order at the very place of the first warehouse: its coordinates are exact in any notation.
async fn place(connection: &mut Connection, workload: Workload, key: &str) -> Result<Uuid> {
    let (lat, lng) = workload.dataset().place_of(1);
    let items: Vec<_> = products(workload)
        .map(|number| json!({ "productId": product_id(number), "quantity": 1 }))
        .collect();
    let body = json!({
        "customerId": CUSTOMER,
        "shippingAddress": { "line1": "1 Bench Street", "city": "Springfield", "location": { "lat": lat, "lng": lng } },
        "items": items,
        "creditCardNumber": "4111111111111111",
    });
    let (status, answer) = connection
        .send(
            Method::POST,
            "/orders",
            Some(key),
            Bytes::from(body.to_string()),
        )
        .await?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    ensure!(
        status.as_u16() == 201,
        "the sampled order was answered {status}: {text}"
    );
    let answer: serde_json::Value = serde_json::from_slice(&answer)?;
    answer["orderId"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .with_context(|| format!("no orderId in {text}"))
}
