//! Measures orders while others wait for locked stock, alternating with undisturbed measurements.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use rand::RngExt;
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::command::say;
use crate::database::RUN;
use crate::dataset::{self, Dataset, product_id, warehouse_id};
use crate::http::Connection;
use crate::invariants;
use crate::latencies::{Latencies, Percentiles};
use crate::machine::{self, Machine};
use crate::measure::Bench;
use crate::programs::Program;

/// Products 1 to 5,000 in 20 warehouses are the import's 100,000 rows, and a row of product 1 is the locked one. The
/// unrelated orders are for the other products.
const LOCKED: Dataset = Dataset {
    name: "locked",
    products: 6000,
    ..dataset::UNIFORM
};
const IMPORTED_PRODUCTS: u32 = 5000;
/// Number of clients that place unrelated orders.
const CLIENTS: usize = 16;
/// Numbers of orders that wait concurrently.
const WAITING: [usize; 3] = [1, 10, 100];

/// The parameters of the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Locking {
    pub(crate) rounds: u16,
    /// How long a row stays locked.
    pub(crate) held: Duration,
}

/// The results of one phase: latencies of unrelated orders, in milliseconds.
#[derive(Clone, Debug, Serialize)]
struct Phase {
    what: String,
    orders: u64,
    #[serde(flatten)]
    latencies: Percentiles,
    /// The last answers to the orders that needed the locked stock.
    waiting_answered: Vec<u16>,
}

/// Measures, and writes `locked.json`.
pub(crate) async fn run(bench: &mut Bench, locking: Locking, output: &Path) -> Result<()> {
    let machine = Machine::look(&bench.cluster.version, output)?;
    let database = bench.cluster.fresh(&LOCKED).await?;
    let url = bench.cluster.application_url(RUN);
    let api = Program::api(&bench.places, &url, bench.gateway, None).await?;
    let mut phases = Vec::new();
    // Warms up sessions, plans and statistics.
    measure(api.address, "warm-up", Work::For(locking.held)).await?;
    for _ in 0..locking.rounds {
        for waiting in WAITING {
            phases.push(measure(api.address, "no lock", Work::For(locking.held)).await?);
            let holder = bench.cluster.open(RUN).await?;
            let level = format!(
                "BEGIN; SELECT FROM inventory.stock_levels
                 WHERE warehouse_id = '{}' AND product_id = '{}' FOR UPDATE",
                warehouse_id(1),
                product_id(1)
            );
            holder.batch_execute(&level).await?;
            let what = format!("a row locked, {waiting} waiting");
            let work = Work::Beside(locking.held, waiting);
            phases.push(measure(api.address, &what, work).await?);
            holder.batch_execute("ROLLBACK").await?;
        }
        phases.push(measure(api.address, "no lock", Work::For(locking.held)).await?);
        phases.push(measure(api.address, "an import of 100,000 rows", Work::Import).await?);
    }
    api.stop().await.context("the API did not stop properly")?;
    let broken = invariants::broken(&database).await?;
    drop(database);
    let report = json!({ "machine": machine, "commit": machine::commit(), "phases": phases });
    std::fs::write(output.join("locked.json"), format!("{report:#}\n"))?;
    bench.cluster.clean_up().await?;
    ensure!(broken.is_empty(), "broken: {broken:?}");
    Ok(())
}

/// What happens beside the unrelated orders.
#[derive(Clone, Copy)]
enum Work {
    For(Duration),
    /// This many orders for the locked stock.
    Beside(Duration, usize),
    Import,
}

async fn measure(address: SocketAddr, what: &str, work: Work) -> Result<Phase> {
    let ended = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(unrelated(Connection::open(address).await?, ended.clone()));
    }
    let answered = match work {
        Work::For(time) => {
            sleep(time).await;
            Vec::new()
        }
        Work::Beside(time, waiting) => beside(address, time, waiting, &ended).await?,
        Work::Import => vec![import(address).await?.as_u16()],
    };
    ended.store(true, Ordering::Relaxed);
    let mut all = Latencies::new()?;
    while let Some(client) = clients.join_next().await {
        for latency in client.context("a client's task failed")?? {
            all.record(latency);
        }
    }
    let phase = Phase {
        what: what.to_owned(),
        orders: all.count(),
        latencies: all.percentiles(),
        waiting_answered: answered,
    };
    say(&format!(
        "· {what}: {} unrelated orders, p50 {:.1} ms, p99 {:.1} ms, the others were answered {:?}",
        phase.orders, phase.latencies.p50_ms, phase.latencies.p99_ms, phase.waiting_answered
    ));
    Ok(phase)
}

/// Places orders for the locked stock, and repeats each after its answer, until the time is over.
async fn beside(
    address: SocketAddr,
    time: Duration,
    waiting: usize,
    ended: &Arc<AtomicBool>,
) -> Result<Vec<u16>> {
    let answers = Arc::new(AtomicU64::new(0));
    for _ in 0..waiting {
        let mut connection = Connection::open(address).await?;
        let (ended, answers) = (ended.clone(), answers.clone());
        tokio::spawn(async move {
            while !ended.load(Ordering::Relaxed) {
                let Ok((status, _)) = place(&mut connection, 1, 1).await else {
                    return;
                };
                answers.store(u64::from(status.as_u16()), Ordering::Relaxed);
            }
        });
    }
    sleep(time).await;
    let answered = u16::try_from(answers.load(Ordering::Relaxed))?;
    Ok([answered].into_iter().filter(|it| *it > 0).collect())
}

/// One client that places unrelated orders, one after the other.
async fn unrelated(mut connection: Connection, ended: Arc<AtomicBool>) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while !ended.load(Ordering::Relaxed) {
        let (warehouse, product) = {
            let mut random = rand::rng();
            let warehouse = random.random_range(1..=LOCKED.warehouses);
            (
                warehouse,
                random.random_range(IMPORTED_PRODUCTS + 1..=LOCKED.products),
            )
        };
        let since = Instant::now();
        let (status, body) = place(&mut connection, warehouse, product).await?;
        latencies.push(since.elapsed());
        ensure!(
            status == StatusCode::CREATED,
            "an unrelated order was answered {status}: {}",
            String::from_utf8_lossy(&body)
        );
    }
    Ok(latencies)
}

/// Orders one unit of a product, near a warehouse that has it.
async fn place(
    connection: &mut Connection,
    warehouse: u32,
    product: u32,
) -> Result<(StatusCode, Bytes)> {
    let (lat, lng) = LOCKED.place_of(warehouse);
    let body = json!({
        "customerId": Uuid::new_v4(),
        "shippingAddress": { "line1": "1 Bench Street", "city": "Springfield", "location": { "lat": lat, "lng": lng } },
        "items": [{ "productId": product_id(product), "quantity": 1 }],
        "creditCardNumber": "4111111111111111",
    });
    let key = Uuid::new_v4().to_string();
    let body = Bytes::from(body.to_string());
    connection
        .send(Method::POST, "/orders", Some(&key), body)
        .await
}

/// Imports all rows or none, of stock that no unrelated order needs.
async fn import(address: SocketAddr) -> Result<StatusCode> {
    let mut rows = String::new();
    for product in 1..=IMPORTED_PRODUCTS {
        for warehouse in 1..=LOCKED.warehouses {
            let warehouse = warehouse_id(warehouse);
            rows.push_str(&format!(
                "{{\"sku\":\"SKU-{product}\",\"warehouseId\":\"{warehouse}\",\"quantity\":1}}\n"
            ));
        }
    }
    let mut connection = Connection::open(address).await?;
    let key = Uuid::new_v4().to_string();
    let path = "/imports/stock?mode=receive&allOrNothing=true";
    let (status, body) = connection
        .send_as(
            "application/x-ndjson",
            Method::POST,
            path,
            Some(&key),
            Bytes::from(rows),
        )
        .await?;
    ensure!(
        status == StatusCode::CREATED,
        "the import was answered {status}: {}",
        String::from_utf8_lossy(&body)
    );
    Ok(status)
}
