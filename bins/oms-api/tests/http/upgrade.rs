//! Replacing a version with the next one, and rolling back, while orders are placed. `cargo xtask test upgrade` builds
//! the older program and passes its path in `OMS_TEST_OLD_PROGRAM`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use reqwest::Client;
use serde_json::json;
use tokio::sync::RwLock;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::{Api, SWEEPING, Settings, command};
use crate::eventually::until;
use crate::giving_back::all;
use crate::invariants::{assert_charges_match_orders, assert_invariants};
use crate::process::{Exit, Process, program_at};
use crate::request::{WIDGET_A, new_key, small_order};
use crate::sandbox::Sandbox;
use crate::shop::{Customer, client};
use crate::stock::ATLANTA_WAREHOUSE;
use crate::store_database::StoreDatabase;

/// Minimum number of orders in each phase.
const ORDERS: usize = 60;
/// Number of concurrent clients.
const CLIENTS: usize = 6;

/// One of the two programs.
#[derive(Clone, Copy, Debug)]
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

/// The orders that clients placed, and the URLs to which they send requests.
struct Traffic {
    client: Client,
    urls: RwLock<Vec<String>>,
    /// Order IDs by idempotency key.
    placed: Mutex<BTreeMap<String, String>>,
    done: CancellationToken,
}

impl Traffic {
    fn new() -> Self {
        Self {
            client: client(),
            urls: RwLock::default(),
            placed: Mutex::default(),
            done: CancellationToken::new(),
        }
    }

    /// Directs all requests to these instances. Returns when no client uses other ones.
    async fn send_to(&self, apis: &[&Api]) {
        let urls = apis.iter().map(|api| api.url.clone()).collect();
        *self.urls.write().await = urls;
    }

    fn count(&self) -> usize {
        self.placed.lock().unwrap().len()
    }

    /// Waits until enough further orders have been placed.
    async fn goes_on(&self, what: &str) {
        let before = self.count();
        until(what, async || self.count() >= before + ORDERS).await;
    }
}

/// Places, repeats, cancels and refunds orders until the traffic ends. One of the programs must answer every request.
async fn be_a_client(traffic: Arc<Traffic>, number: usize) {
    let mut turn = number;
    while !traffic.done.is_cancelled() {
        turn += 1;
        let urls = traffic.urls.read().await;
        let customer = |turn: usize| Customer::of(traffic.client.clone(), &urls[turn % urls.len()]);
        let key = new_key();
        let placed = customer(turn)
            .place_persistently(&key, &small_order())
            .await;
        placed.assert_created();
        let order_id = placed.order_id();
        traffic
            .placed
            .lock()
            .unwrap()
            .insert(key.clone(), order_id.clone());
        // The next request may go to the other program.
        let other = customer(turn + 1);
        other
            .place_persistently(&key, &small_order())
            .await
            .assert_replayed(&order_id);
        let answer = match turn % 4 {
            0 => other.cancel(&order_id).await,
            1 => other.refund(&order_id, &new_key(), &all()).await,
            2 => other.get(&format!("/orders/{order_id}/timeline")).await,
            _ => other.get(&format!("/orders/{order_id}")).await,
        };
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

    async fn start(&self, version: Version) -> Api {
        let settings = [SWEEPING];
        let url = self.database.url();
        Api::start(command_of(version, &url, &self.sandbox.url, &settings)).await
    }
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

    traffic.send_to(&[&old]).await;
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(be_a_client(traffic.clone(), number));
    }
    traffic.goes_on("the old version takes orders").await;

    let migrated = upgrade.run(Version::New, "migrate").await;
    println!("{}", migrated.stdout);
    traffic
        .goes_on("the old version takes orders on the new schema")
        .await;

    let new = upgrade.start(Version::New).await;
    traffic.send_to(&[&old, &new]).await;
    traffic.goes_on("both versions take orders").await;

    traffic.send_to(&[&new]).await;
    stop(old).await;
    traffic.goes_on("the new version takes orders").await;

    // The rollback keeps the new schema.
    let old = upgrade.start(Version::Old).await;
    traffic.send_to(&[&new, &old]).await;
    traffic.goes_on("both versions take orders again").await;
    traffic.send_to(&[&old]).await;
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
        i64::try_from(placed.len()).unwrap()
    );
    assert_invariants(&upgrade.database).await;
    assert_charges_match_orders(&upgrade.database, &upgrade.sandbox).await;
    println!("{} orders", placed.len());
}
