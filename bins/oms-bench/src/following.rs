//! Measures how fast events follow what happened: the relay that gives them positions, and webhooks.

mod receiver;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::stdout;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use hyper::Method;
use hyper::body::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_postgres::Client;
use uuid::Uuid;

use self::receiver::{Arrival, Receiver};
use crate::command::say;
use crate::cpu::{Programs, Ticks};
use crate::database::RUN;
use crate::dataset::{self, TENANT};
use crate::http::Connection;
use crate::invariants;
use crate::latencies::{Latencies, Percentiles, float, median};
use crate::load::{self, Pace, Window};
use crate::machine::{self, Machine, busy_while_idle};
use crate::measure::Bench;
use crate::programs::Program;
use crate::report::print_targets;
use crate::targets::{Bound, Target};
use crate::workload::Workload;

/// Events in each row of a full outbox: alone, or as many as a batch of orders appends together.
const EVENTS_OF_A_ROW: [u32; 2] = [1, 32];
/// How long anything may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(300);
/// Interval at which the database and the receiver are looked at.
const TICK: Duration = Duration::from_millis(2);
/// Orders per second while the delay of single events is measured.
const MODEST: f64 = 50.0;
const PLACING: usize = 64;

/// The parameters of the measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Following {
    pub(crate) rounds: u16,
    /// Number of events that the relay finds in the outbox.
    pub(crate) relayed: u32,
    /// Number of orders whose events are delivered. A paid order has two.
    pub(crate) orders: u64,
    pub(crate) window: Window,
}

/// The relay, with a full outbox.
#[derive(Clone, Debug, Serialize)]
struct Relayed {
    events_of_a_row: u32,
    per_s: f64,
    foreign: f64,
}

/// One endpoint that receives the whole feed.
#[derive(Clone, Debug, Serialize)]
struct Delivered {
    events: usize,
    per_s: f64,
    /// Events that arrived more than once.
    repeated: usize,
    /// Microseconds of processor time for each event.
    database_us: f64,
    server_us: f64,
    receiver_us: f64,
    foreign: f64,
}

/// How long after its transaction began an event arrives.
#[derive(Clone, Debug, Serialize)]
struct Delay {
    events: u64,
    #[serde(flatten)]
    latencies: Percentiles,
}

/// Measures, and writes `events.json`.
pub(crate) async fn run(bench: &mut Bench, following: Following, output: &Path) -> Result<()> {
    let machine = Machine::look(&bench.cluster.version, output)?;
    let mut relayed = Vec::new();
    for _ in 0..following.rounds {
        for events_of_a_row in EVENTS_OF_A_ROW {
            relayed.push(relay(bench, following.relayed, events_of_a_row).await?);
        }
    }
    let database = bench.cluster.fresh(&dataset::UNIFORM).await?;
    let url = bench.cluster.application_url(RUN);
    let api = Program::api(&bench.places, &url, bench.gateway, None).await?;
    let programs = Programs {
        server: api.id(),
        ..bench.database_alone()
    };
    let events = place(bench, api.address, &database, following.orders, &programs).await?;
    let mut delivered = Vec::new();
    for round in 1..=following.rounds {
        delivered.push(deliver(api.address, round, events, &programs).await?);
    }
    let delay = follow(bench, api.address, &database, following.window, &programs).await?;
    api.stop().await.context("the API did not stop properly")?;
    let broken = invariants::broken(&database).await?;
    drop(database);
    let targets = targets(&relayed, &delivered, &delay);
    print_targets(&targets, &mut stdout().lock())?;
    let report = json!({
        "machine": machine, "commit": machine::commit(), "targets": targets,
        "relayed": relayed, "delivered": delivered, "delay": delay,
    });
    std::fs::write(output.join("events.json"), format!("{report:#}\n"))?;
    bench.cluster.clean_up().await?;
    ensure!(broken.is_empty(), "broken: {broken:?}");
    Ok(())
}

fn targets(relayed: &[Relayed], delivered: &[Delivered], delay: &Delay) -> Vec<Target> {
    let relay = |rows: u32| {
        let of_it = relayed.iter().filter(|run| run.events_of_a_row == rows);
        Some(median(of_it.map(|run| run.per_s)))
    };
    let sent = Some(median(delivered.iter().map(|run| run.per_s)));
    let (p50, p99) = (Some(delay.latencies.p50_ms), Some(delay.latencies.p99_ms));
    let mut targets: Vec<Target> = EVENTS_OF_A_ROW
        .into_iter()
        .map(|rows| {
            let name = format!("relay, {rows} events in a row of the outbox");
            Target::of(&name, "events/s", Bound::AtLeast(20_000.0), relay(rows))
        })
        .collect();
    let name = "webhooks to one endpoint that answers immediately";
    targets.push(Target::of(name, "events/s", Bound::AtLeast(3000.0), sent));
    for (name, bound, figure) in [("p50", 50.0, p50), ("p99", 1000.0, p99)] {
        let name = format!("from the transaction to the webhook, {MODEST} orders/s: {name}");
        targets.push(Target::of(&name, "ms", Bound::AtMost(bound), figure));
    }
    targets
}

/// Fills the outbox with the first and the second event of orders, one row after the other, starts the API, and measures until the outbox is empty.
async fn relay(bench: &mut Bench, events: u32, events_of_a_row: u32) -> Result<Relayed> {
    let database = bench.cluster.fresh(&dataset::UNIFORM).await?;
    let fill = format!(
        "INSERT INTO events.outbox (tenant_id, id, subject_ids, numbers)
         SELECT '{TENANT}', ('01900000-0000-7000-8000-' || lpad(to_hex(row), 12, '0'))::uuid,
                array_agg(md5(row / 2 || '/' || number)::uuid), array_agg(1 + row % 2)
         FROM generate_series(2, {} + 1) AS row, generate_series(1, {events_of_a_row}) AS number GROUP BY row",
        events / events_of_a_row
    );
    database.batch_execute(&fill).await?;
    let events = i64::from(events / events_of_a_row * events_of_a_row);
    let url = bench.cluster.application_url(RUN);
    let programs = bench.database_alone();
    let before = Ticks::read(&programs);
    let api = Program::api(&bench.places, &url, bench.gateway, None).await?;
    let programs = Programs {
        server: api.id(),
        ..programs
    };
    let begun = Instant::now();
    // What was relayed when it was first looked at does not count.
    let mut first = None;
    let per_s = loop {
        let position = position(&database).await?;
        let now = Instant::now();
        match first {
            None if position > 0 => first = Some((position, now)),
            Some((from, since)) if position >= events => {
                let counted = float(u64::try_from(position - from)?);
                break counted / (now - since).as_secs_f64();
            }
            _ => {}
        }
        ensure!(
            begun.elapsed() < PATIENCE,
            "the relay stopped at {position}"
        );
        sleep(TICK).await;
    };
    let foreign = Ticks::read(&programs).since(&before).foreign;
    api.stop().await.context("the API did not stop properly")?;
    say(&format!(
        "· relay, {events_of_a_row} events in a row: {per_s:.0} events/s"
    ));
    Ok(Relayed {
        events_of_a_row,
        per_s,
        foreign,
    })
}

/// The last position that was given.
async fn position(database: &Client) -> Result<i64> {
    let text = "SELECT coalesce(max(position), 0) FROM events.heads";
    Ok(database.query_one(text, &[]).await?.get(0))
}

/// Places orders, waits until their events are in the feed, and returns the number of these.
async fn place(
    bench: &Bench,
    address: SocketAddr,
    database: &Client,
    orders: u64,
    programs: &Programs,
) -> Result<usize> {
    let scene = Workload::Uniform.scene();
    let traffic = bench.traffic(Workload::Uniform, &scene);
    let placing = load::connect(address, PLACING).await?;
    let placed = load::burst(traffic, placing, orders, programs).await?;
    ensure!(
        placed.unexpected == 0,
        "could not place the orders: {:?}",
        placed.complaints
    );
    let begun = Instant::now();
    let waiting = "SELECT count(*) FROM events.outbox";
    while database.query_one(waiting, &[]).await?.get::<_, i64>(0) > 0 {
        ensure!(begun.elapsed() < PATIENCE, "the outbox is not emptied");
        sleep(TICK).await;
    }
    let text = "SELECT sum(cardinality(numbers)) FROM events.segments";
    let events: i64 = database.query_one(text, &[]).await?.get(0);
    Ok(usize::try_from(events)?)
}

/// Creates an endpoint at the beginning of the feed, and measures until it has received everything.
async fn deliver(
    address: SocketAddr,
    round: u16,
    events: usize,
    programs: &Programs,
) -> Result<Delivered> {
    let receiver = Receiver::start().await?;
    let foreign = busy_while_idle(programs).await;
    let before = Ticks::read(programs);
    let endpoint = create(address, &receiver, &format!("round {round}"), "earliest").await?;
    let begun = Instant::now();
    // A repetition may come instead of an event, so it is counted by ID in the end.
    while receiver.count() < events {
        ensure!(
            begun.elapsed() < PATIENCE,
            "{} of {events} events arrived",
            receiver.count()
        );
        sleep(TICK).await;
    }
    let spent = Ticks::read(programs).since(&before);
    pause(address, &endpoint).await?;
    let arrivals = receiver.take();
    let first = arrivals.iter().map(|it| it.at).min().context("no event")?;
    let last = arrivals.iter().map(|it| it.at).max().context("no event")?;
    let different: HashSet<&str> = arrivals.iter().map(|it| it.id.as_str()).collect();
    check_order(&arrivals)?;
    let arrived = float(arrivals.len() as u64);
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / arrived;
    let delivered = Delivered {
        events: different.len(),
        per_s: float(different.len() as u64) / (last - first).as_secs_f64(),
        repeated: arrivals.len() - different.len(),
        database_us: micros(spent.database),
        server_us: micros(spent.server),
        receiver_us: micros(spent.generator),
        foreign: foreign.max(spent.foreign),
    };
    say(&format!(
        "· {} of {events} events delivered: {:.0}/s, {} repeated, processor time of an event: database {:.0} µs, API {:.0} µs, receiver {:.0} µs",
        delivered.events,
        delivered.per_s,
        delivered.repeated,
        delivered.database_us,
        delivered.server_us,
        delivered.receiver_us
    ));
    Ok(delivered)
}

/// Fails if an event of an order arrived before an earlier one.
fn check_order(arrivals: &[Arrival]) -> Result<()> {
    let mut last: HashMap<&str, u32> = HashMap::new();
    for arrival in arrivals {
        // `evt_<order>_<number>`; only these have a number.
        let Some((order, number)) = arrival.id.rsplit_once('_') else {
            continue;
        };
        let Ok(number) = number.parse() else {
            continue;
        };
        let before = last.insert(order, number).unwrap_or_default();
        ensure!(
            number <= before + 1,
            "event {number} of {order} came after {before}"
        );
    }
    Ok(())
}

/// Places orders at a modest rate, and measures how long after their transactions began their events arrive.
async fn follow(
    bench: &Bench,
    address: SocketAddr,
    database: &Client,
    window: Window,
    programs: &Programs,
) -> Result<Delay> {
    let receiver = Receiver::start().await?;
    let endpoint = create(address, &receiver, "follow", "latest").await?;
    let scene = Workload::Uniform.scene();
    let traffic = bench.traffic(Workload::Uniform, &scene);
    let placing = load::connect(address, 16).await?;
    let counts_from = SystemTime::now() + window.warm_up;
    let placed = load::run(traffic, placing, Pace::PerSecond(MODEST), window, programs).await?;
    ensure!(
        placed.unexpected == 0,
        "could not place the orders: {:?}",
        placed.complaints
    );
    let happened = happened(database, counts_from).await?;
    let begun = Instant::now();
    let mut arrivals: BTreeMap<String, SystemTime> = BTreeMap::new();
    while happened.keys().any(|id| !arrivals.contains_key(id)) {
        ensure!(begun.elapsed() < PATIENCE, "not every event arrived");
        for arrival in receiver.take() {
            arrivals.entry(arrival.id).or_insert(arrival.time);
        }
        sleep(TICK).await;
    }
    pause(address, &endpoint).await?;
    let mut latencies = Latencies::new()?;
    for (id, at) in &happened {
        let arrived = arrivals.get(id).context("an event did not arrive")?;
        latencies.record(arrived.duration_since(*at).unwrap_or_default());
    }
    let delay = Delay {
        events: latencies.count(),
        latencies: latencies.percentiles(),
    };
    say(&format!(
        "· {MODEST} orders/s: webhooks arrive {:.1} ms (p50) and {:.1} ms (p99) after their transaction began",
        delay.latencies.p50_ms, delay.latencies.p99_ms
    ));
    Ok(delay)
}

/// When the transactions of events began, by ID.
async fn happened(database: &Client, from: SystemTime) -> Result<HashMap<String, SystemTime>> {
    let text =
        "SELECT order_id::text, sequence, occurred_at FROM orders.events WHERE occurred_at >= $1";
    let rows = database.query(text, &[&from]).await?;
    let event = |row: &tokio_postgres::Row| {
        let order: Uuid = row.get::<_, String>(0).parse()?;
        let id = format!("evt_{}_{}", order.simple(), row.get::<_, i32>(1));
        Ok((id, row.get(2)))
    };
    rows.iter().map(event).collect()
}

/// Creates an endpoint, and returns its ID.
async fn create(
    address: SocketAddr,
    receiver: &Receiver,
    key: &str,
    start_at: &str,
) -> Result<String> {
    let body = json!({
        "url": format!("http://{}/", receiver.address), "startAt": start_at, "maxInFlight": 64,
    });
    let created = post(address, "/webhook-endpoints", Some(key), &body).await?;
    let id = created["id"].as_str().context("an endpoint without ID")?;
    Ok(id.to_owned())
}

async fn pause(address: SocketAddr, endpoint: &str) -> Result<()> {
    let path = format!("/webhook-endpoints/{endpoint}/pause");
    post(address, &path, None, &json!({})).await?;
    Ok(())
}

async fn post(address: SocketAddr, path: &str, key: Option<&str>, body: &Value) -> Result<Value> {
    let mut connection = Connection::open(address).await?;
    let body = Bytes::from(body.to_string());
    let (status, answer) = connection.send(Method::POST, path, key, body).await?;
    ensure!(
        status.is_success(),
        "{path} was answered {status}: {}",
        String::from_utf8_lossy(&answer)
    );
    Ok(serde_json::from_slice(&answer)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(ids: &[&str]) -> Vec<Arrival> {
        let arrival = |id: &&str| Arrival {
            id: (*id).to_owned(),
            at: Instant::now(),
            time: SystemTime::now(),
        };
        ids.iter().map(arrival).collect()
    }

    #[test]
    fn a_repeated_event_is_in_order_and_one_that_overtakes_is_not() {
        assert!(
            check_order(&arrivals(&[
                "evt_a_1", "evt_b_1", "evt_a_2", "evt_a_1", "evt_a_2"
            ]))
            .is_ok()
        );
        assert!(check_order(&arrivals(&["evt_a_1", "evt_a_3"])).is_err());
        assert!(check_order(&arrivals(&["evt_a_2"])).is_err());
    }

    #[test]
    fn targets_are_judged_by_medians() {
        let relayed = |events_of_a_row, per_s| Relayed {
            events_of_a_row,
            per_s,
            foreign: 0.0,
        };
        let relayed = [
            relayed(1, 19_000.0),
            relayed(32, 90_000.0),
            relayed(1, 25_000.0),
        ];
        let delay = Delay {
            events: 1,
            latencies: Percentiles {
                p50_ms: 51.0,
                p95_ms: 60.0,
                p99_ms: 70.0,
            },
        };
        let targets = targets(&relayed, &[], &delay);
        let holds: Vec<_> = targets.iter().map(|target| target.holds).collect();
        let expected = [true, true, false, false, true].map(Some);
        assert_eq!(holds, expected);
    }
}
