//! Replacing a version with the next one, and rolling back, while orders are placed. `cargo xtask test upgrade` builds
//! the older program and passes its path in `OMS_TEST_OLD_PROGRAM`, and the number of orders that exist before in
//! `OMS_TEST_EXISTING_ORDERS`.

#![expect(
    clippy::print_stdout,
    reason = "the command that runs it shows its figures"
)]

mod filling;
mod locks;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::json;
use tokio::sync::RwLock;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::answer::Answer;
use crate::api::{Api, SWEEPING, Settings, command};
use crate::eventually::until;
use crate::giving_back::all;
use crate::invariants::{assert_charges_match, assert_invariants};
use crate::process::{Exit, Process, program_at};
use crate::request::{WIDGET_A, new_key, small_order};
use crate::sandbox::Sandbox;
use crate::shop::{Customer, client};
use crate::stock::ATLANTA_WAREHOUSE;
use crate::store_database::StoreDatabase;
use filling::fill;
use locks::LockWatch;

/// Minimum number of orders in each phase.
const ORDERS: usize = 60;
/// Number of concurrent clients.
const CLIENTS: usize = 6;

/// One of the two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Old,
    New,
}

/// Returns the command that starts a program. Both get the same environment.
fn command_of(version: Version, database: &str, gateway: &str, settings: Settings<'_>) -> Command {
    let new = command(database, gateway, settings);
    match version {
        Version::New => new,
        Version::Old => {
            let path = std::env::var_os("OMS_TEST_OLD_PROGRAM");
            let path = path.expect("`cargo xtask test upgrade` sets it");
            let mut old = program_at(&PathBuf::from(path));
            old.envs(
                new.get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
            old
        }
    }
}

/// The orders that clients placed, and the servers to which they send requests.
struct Traffic {
    client: Client,
    servers: RwLock<Vec<(Version, String)>>,
    /// Order IDs by idempotency key.
    placed: Mutex<BTreeMap<String, String>>,
    figures: Mutex<Figures>,
    done: CancellationToken,
}

/// A request about the order of a key or an ID.
#[derive(Clone, Copy)]
enum Request<'a> {
    Place { key: &'a str },
    Cancel(&'a str),
    Refund(&'a str, &'a str),
    Timeline(&'a str),
    Order(&'a str),
}

impl Request<'_> {
    async fn send(self, customer: &Customer) -> Answer {
        match self {
            Self::Place { key } => customer.place(key, &small_order()).await,
            Self::Cancel(id) => customer.cancel(id).await,
            Self::Refund(id, key) => customer.refund(id, key, &all()).await,
            Self::Timeline(id) => customer.get(&format!("/orders/{id}/timeline")).await,
            Self::Order(id) => customer.get(&format!("/orders/{id}")).await,
        }
    }
}

/// What the clients experienced in one phase.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    placed_by_old: usize,
    placed_by_new: usize,
    /// Answers after which the client repeated its request.
    repeated: usize,
    longest_wait: Duration,
}

impl Traffic {
    fn new() -> Self {
        Self {
            client: client(),
            servers: RwLock::default(),
            placed: Mutex::default(),
            figures: Mutex::default(),
            done: CancellationToken::new(),
        }
    }

    /// Directs all requests to these instances. Returns when no client uses other ones.
    async fn send_to(&self, apis: &[(Version, &Api)]) {
        let servers = apis
            .iter()
            .map(|(version, api)| (*version, api.url.clone()))
            .collect();
        *self.servers.write().await = servers;
    }

    fn count(&self) -> usize {
        self.placed.lock().unwrap().len()
    }

    /// Waits until enough further orders have been placed, and ends the phase.
    async fn goes_on(&self, what: &str) {
        let before = self.count();
        until(what, async || self.count() >= before + ORDERS).await;
        self.end_phase(what);
    }

    /// Prints what the clients experienced since the last phase.
    fn end_phase(&self, what: &str) {
        let figures = std::mem::take(&mut *self.figures.lock().unwrap());
        println!("{what}: {figures:?}");
    }

    /// Repeats a request while its answer has one of the statuses `retried`. A migration that changes the type of a
    /// column fails each session of the older version once, with 503.
    async fn answered(&self, customer: &Customer, request: Request<'_>, retried: &[u16]) -> Answer {
        let since = Instant::now();
        loop {
            let answer = request.send(customer).await;
            if !retried.contains(&answer.status) {
                let mut figures = self.figures.lock().unwrap();
                figures.longest_wait = figures.longest_wait.max(since.elapsed());
                return answer;
            }
            self.figures.lock().unwrap().repeated += 1;
            let seconds = answer.retry_after().expect("the answer says when to retry");
            tokio::time::sleep(Duration::from_secs(seconds.into())).await;
        }
    }

    fn add(&self, version: Version, key: String, order_id: String) {
        self.placed.lock().unwrap().insert(key, order_id);
        let mut figures = self.figures.lock().unwrap();
        match version {
            Version::Old => figures.placed_by_old += 1,
            Version::New => figures.placed_by_new += 1,
        }
    }
}

/// Places, repeats, cancels and refunds orders until the traffic ends. One of the programs must answer every request.
async fn be_a_client(traffic: Arc<Traffic>, number: usize) {
    let mut turn = number;
    while !traffic.done.is_cancelled() {
        turn += 1;
        let servers = traffic.servers.read().await;
        let server = |turn: usize| &servers[turn % servers.len()];
        let customer = |turn: usize| Customer::of(traffic.client.clone(), &server(turn).1);
        let key = new_key();
        let place = Request::Place { key: &key };
        let placed = traffic
            .answered(&customer(turn), place, &[202, 409, 503])
            .await;
        assert!(matches!(placed.status, 200 | 201), "{placed:?}");
        let id = placed.order_id();
        traffic.add(server(turn).0, key.clone(), id.clone());
        // The next request may go to the other program.
        let other = customer(turn + 1);
        let replayed = traffic.answered(&other, place, &[503]).await;
        replayed.assert_replayed(&id);
        let refund_key = new_key();
        let next = match turn % 4 {
            0 => Request::Cancel(&id),
            1 => Request::Refund(&id, &refund_key),
            2 => Request::Timeline(&id),
            _ => Request::Order(&id),
        };
        let answer = traffic.answered(&other, next, &[503]).await;
        assert!(matches!(answer.status, 200..=202), "{answer:?}");
    }
}

struct Upgrade {
    database: StoreDatabase,
    sandbox: Sandbox,
}

impl Upgrade {
    async fn run(&self, version: Version, subcommand: &str) -> Exit {
        let mut command = command_of(version, &self.database.url(), &self.sandbox.url, &[]);
        command.arg(subcommand);
        let exit = Process::start(command).ended().await;
        assert!(exit.status.success(), "{version:?} {subcommand}: {exit:?}");
        exit
    }

    /// Waits until each existing order has a fulfilment order, and measures what reading a work list takes meanwhile.
    async fn wait_for_fulfilment(&self, traffic: &Traffic, new: &Api, existing: i64) {
        let customer = Customer::of(traffic.client.clone(), &new.url);
        let (since, mut longest) = (Instant::now(), Duration::ZERO);
        let held = "SELECT count(*) FROM fulfilment.holds WHERE handle = 'before-fulfilment'";
        let list =
            format!("/fulfilment-orders?warehouseId={ATLANTA_WAREHOUSE}&status=OPEN&limit=100");
        let mut printed = Instant::now();
        loop {
            let asked = Instant::now();
            let page = customer.get(&list).await;
            longest = longest.max(asked.elapsed());
            assert_eq!(page.status, 200, "{page:?}");
            let opened = self.database.number(held).await;
            if opened >= existing {
                break;
            }
            if printed.elapsed() > Duration::from_secs(30) {
                println!("{opened} fulfilment orders after {:.0?}", since.elapsed());
                printed = Instant::now();
            }
        }
        println!(
            "{existing} fulfilment orders opened in {:.1?}; the work list was read in at most {longest:.0?}",
            since.elapsed()
        );
        traffic.end_phase("both versions take orders while fulfilment orders are opened");
    }

    async fn start(&self, version: Version) -> Api {
        let settings = [SWEEPING, ("OMS_FULFILMENT_INTERVAL_MS", "1000")];
        let url = self.database.url();
        Api::start(command_of(version, &url, &self.sandbox.url, &settings)).await
    }
}

/// The number of orders that exist before the upgrade.
fn existing_orders() -> i64 {
    let number = std::env::var("OMS_TEST_EXISTING_ORDERS").ok();
    number.map_or(0, |number| number.parse().unwrap())
}

/// Stops an instance gracefully, as a deployment does.
async fn stop(mut api: Api) {
    api.process.terminate();
    let exit = api.process.ended().await;
    assert!(exit.status.success(), "{exit:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_replaced_and_rolled_back_while_orders_are_placed() {
    let upgrade = Upgrade {
        database: StoreDatabase::create_empty().await,
        sandbox: Sandbox::start(client()).await,
    };
    upgrade.run(Version::Old, "migrate").await;
    upgrade.run(Version::Old, "seed").await;
    let old = upgrade.start(Version::Old).await;
    let stock = json!({
        "warehouseId": ATLANTA_WAREHOUSE,
        "lines": [{ "productId": WIDGET_A, "quantity": 1_000_000 }],
    });
    let traffic = Arc::new(Traffic::new());
    let customer = Customer::of(traffic.client.clone(), &old.url);
    let key = new_key();
    let received = customer.post_once("/stock-levels/receive", &key, &stock);
    assert_eq!(received.await.status, 201);
    let existing = existing_orders();
    if existing > 0 {
        let key = new_key();
        let template = customer.place(&key, &small_order()).await.order_id();
        let since = Instant::now();
        fill(&upgrade.database, &template, existing).await;
        println!("{existing} orders copied in {:.1?}", since.elapsed());
        traffic.add(Version::Old, key, template);
    }

    traffic.send_to(&[(Version::Old, &old)]).await;
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(be_a_client(traffic.clone(), number));
    }
    traffic.goes_on("the old version takes orders").await;

    let watch = LockWatch::start(&upgrade.database).await;
    let since = Instant::now();
    let migrated = upgrade.run(Version::New, "migrate").await;
    println!("{}\nmigrated in {:.1?}", migrated.stdout, since.elapsed());
    watch.stop().await.print();
    traffic.end_phase("the schema is migrated");
    traffic
        .goes_on("the old version takes orders on the new schema")
        .await;

    let new = upgrade.start(Version::New).await;
    traffic
        .send_to(&[(Version::Old, &old), (Version::New, &new)])
        .await;
    upgrade.wait_for_fulfilment(&traffic, &new, existing).await;
    traffic.goes_on("both versions take orders").await;

    traffic.send_to(&[(Version::New, &new)]).await;
    stop(old).await;
    traffic.goes_on("the new version takes orders").await;

    // The rollback keeps the new schema.
    let old = upgrade.start(Version::Old).await;
    traffic
        .send_to(&[(Version::New, &new), (Version::Old, &old)])
        .await;
    traffic.goes_on("both versions take orders again").await;
    traffic.send_to(&[(Version::Old, &old)]).await;
    stop(new).await;
    traffic.goes_on("the old version takes orders again").await;

    traffic.done.cancel();
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    stop(old).await;

    let settling = upgrade.start(Version::New).await;
    let unsettled = "SELECT count(*) FROM orders.orders
        WHERE status IN ('PENDING_PAYMENT', 'CANCELLING', 'REFUNDING')";
    until("every order is settled", async || {
        upgrade.database.pass_a_second().await;
        upgrade.database.number(unsettled).await == 0
    })
    .await;
    stop(settling).await;
    let placed = traffic.placed.lock().unwrap().clone();
    assert_eq!(
        upgrade.database.orders().await,
        i64::try_from(placed.len()).unwrap() + existing
    );
    let since = Instant::now();
    assert_invariants(&upgrade.database).await;
    println!("invariants checked in {:.1?}", since.elapsed());
    let which = "coalesce(o.idempotency_key, '') NOT LIKE 'filled-%'";
    assert_charges_match(&upgrade.database, &upgrade.sandbox, which).await;
    println!("{} orders were placed", placed.len());
}
