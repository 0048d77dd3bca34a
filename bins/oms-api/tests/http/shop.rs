//! A shop that accepts orders: a database with the demo catalogue, a sandbox gateway, and the API.

use std::time::Duration;

use futures_util::future::join;
use reqwest::Client;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api::{Api, SWEEPING, Settings, command};
use crate::eventually::{DEADLINE, eventually};
use crate::invariants::{assert_charges_match_orders, assert_invariants};
use crate::process::Process;
use crate::request::new_key;
use crate::sandbox::Sandbox;
use crate::store_database::StoreDatabase;

/// A shop that accepts orders. Dropping it ends the API first and the database last.
pub struct Shop {
    pub api: Api,
    pub sandbox: Sandbox,
    pub database: StoreDatabase,
    client: Client,
}

impl Shop {
    /// Opens a shop with the settings of most tests.
    pub async fn open() -> Self {
        Self::open_with(&[]).await
    }

    /// Opens a shop with these settings.
    pub async fn open_with(settings: Settings<'_>) -> Self {
        Self::open_on(StoreDatabase::create().await, settings).await
    }

    /// Opens a shop on a database without rows.
    pub async fn open_on(database: StoreDatabase, settings: Settings<'_>) -> Self {
        let client = client();
        let sandbox = Sandbox::start(client.clone()).await;
        let start = command(&database.url(), &sandbox.url, settings);
        // The API needs only the schema, so seeding runs concurrently.
        let (api, ()) = join(Api::start(start), seed(&database)).await;
        Self {
            api,
            sandbox,
            database,
            client,
        }
    }

    /// Opens a shop on an existing database, with an API that serves as another role.
    pub async fn open_as(database: StoreDatabase, role_url: &str, settings: Settings<'_>) -> Self {
        let client = client();
        let sandbox = Sandbox::start(client.clone()).await;
        seed(&database).await;
        let api = Api::start(command(role_url, &sandbox.url, settings)).await;
        Self {
            api,
            sandbox,
            database,
            client,
        }
    }

    /// Starts the API again, after it has ended.
    pub async fn restart(&mut self, settings: Settings<'_>) {
        self.api = self.another_api(settings).await;
    }

    /// Starts another API for the same tenant.
    pub async fn another_api(&self, settings: Settings<'_>) -> Api {
        Api::start(command(&self.database.url(), &self.sandbox.url, settings)).await
    }

    /// Kills the API and starts it with a sweeper that looks continuously.
    pub async fn restart_sweeping(&mut self) {
        self.api.process.kill();
        self.restart(&[SWEEPING]).await;
    }

    /// A customer that can be moved to another task.
    pub fn customer(&self) -> Customer {
        Customer {
            client: self.client.clone(),
            url: self.api.url.clone(),
        }
    }

    /// A customer of another API.
    pub fn customer_of(&self, api: &Api) -> Customer {
        Customer {
            client: self.client.clone(),
            url: api.url.clone(),
        }
    }

    /// `POST /orders` with a key.
    pub async fn place(&self, key: &str, order: &Value) -> Answer {
        self.customer().place(key, order).await
    }

    /// `POST /orders` with a new key.
    pub async fn place_new(&self, order: &Value) -> Answer {
        self.place(&new_key(), order).await
    }

    /// `GET` of any path.
    pub async fn get(&self, path: &str) -> Answer {
        self.customer().get(path).await
    }

    /// `GET /orders/{id}`, which must succeed.
    pub async fn order(&self, order_id: &str) -> Value {
        let answer = self.get(&format!("/orders/{order_id}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// The ID of the only fulfilment order of an order.
    pub async fn fulfilment_order_of(&self, order_id: &str) -> String {
        let order = self.order(order_id).await;
        let id = order["fulfilmentOrders"][0]["id"].as_str();
        id.unwrap_or_else(|| panic!("{order}")).to_owned()
    }

    /// Ships everything of a paid order.
    pub async fn send(&self, order_id: &str) {
        let work = self.fulfilment_order_of(order_id).await;
        let path = format!("/fulfilment-orders/{work}/shipments");
        let parcels = json!({ "parcels": [{ "carrier": "UPS" }] });
        let sent = self.post_once(&path, &new_key(), &parcels).await;
        assert_eq!(sent.status, 201, "{sent:?}");
    }

    /// The orders whose outcome is unknown.
    pub async fn pending_orders(&self) -> Vec<String> {
        self.orders_in("'PENDING_PAYMENT'").await
    }

    /// The orders that are not settled.
    pub async fn unsettled_orders(&self) -> Vec<String> {
        self.orders_in("'PENDING_PAYMENT', 'CANCELLING', 'REFUNDING'")
            .await
    }

    async fn orders_in(&self, statuses: &str) -> Vec<String> {
        let sql = format!("SELECT id FROM orders.orders WHERE status IN ({statuses})");
        let rows = self.database.rows(&sql).await;
        rows.into_iter().flatten().collect()
    }

    /// The only order that is pending.
    pub async fn pending_order(&self) -> String {
        let orders = self.pending_orders().await;
        assert_eq!(orders.len(), 1, "{orders:?}");
        orders[0].clone()
    }

    /// Returns the status of an order once it has ended. Time passes quickly for the sweeper, if there is one.
    pub async fn ended(&self, order_id: &str) -> String {
        eventually("the order ends", async || {
            self.database.pass_a_second().await;
            let status = self.database.status(order_id).await;
            (status != "PENDING_PAYMENT").then_some(status)
        })
        .await
    }

    /// Makes a sweeper look at every open order, regardless of its age, until all have ended.
    pub async fn sweep(&mut self) {
        self.restart_sweeping().await;
        self.database.make_due().await;
        for order_id in self.pending_orders().await {
            self.ended(&order_id).await;
        }
    }

    /// The value of a time series in `/metrics`.
    pub async fn metric(&self, series: &str) -> Option<String> {
        self.metric_of(&self.api, series).await
    }

    /// The value of a time series of another API.
    pub async fn metric_of(&self, api: &Api, series: &str) -> Option<String> {
        let text = self.metrics_of(api).await;
        let values = text.lines().filter_map(|line| line.strip_prefix(series));
        values.map(|value| value.trim().to_owned()).next()
    }

    /// The sum of a metric over all labels; zero if it has no series yet.
    pub async fn metric_sum(&self, name: &str) -> u64 {
        let text = self.metrics().await;
        let series = text.lines().filter(|line| line.starts_with(name));
        let values = series.filter_map(|line| line.rsplit_once(' '));
        values.map(|(_, value)| value.parse::<u64>().unwrap()).sum()
    }

    /// The content of `/metrics`.
    pub async fn metrics(&self) -> String {
        self.metrics_of(&self.api).await
    }

    async fn metrics_of(&self, api: &Api) -> String {
        let response = self.client.get(format!("{}/metrics", api.metrics_url));
        response.send().await.unwrap().text().await.unwrap()
    }

    /// Checks all conditions that must hold once nothing is in progress.
    pub async fn assert_consistent(&self) {
        assert_invariants(&self.database).await;
        assert_charges_match_orders(&self.database, &self.sandbox).await;
    }
}

/// A client that sends requests concurrently with others.
#[derive(Clone)]
pub struct Customer {
    client: Client,
    url: String,
}

impl Customer {
    /// Returns a customer of the server at this URL.
    #[cfg(feature = "upgrade")]
    pub fn of(client: Client, url: &str) -> Self {
        Self {
            client,
            url: url.to_owned(),
        }
    }

    /// `POST /orders` with a key, under the header name that older clients use.
    pub async fn place(&self, key: &str, order: &Value) -> Answer {
        let request = self.post("/orders").header("x-idempotency-key", key);
        Answer::of(request.json(order).send().await.unwrap()).await
    }

    /// Like [`place`](Self::place), but retries while nothing was committed.
    pub async fn place_persistently(&self, key: &str, order: &Value) -> Answer {
        self.place_while(&[503], key, order).await
    }

    /// Like [`place`](Self::place), but retries until the order has ended or is refused.
    pub async fn place_until_definite(&self, key: &str, order: &Value) -> Answer {
        self.place_while(&[503, 202, 409], key, order).await
    }

    async fn place_while(&self, statuses: &[u16], key: &str, order: &Value) -> Answer {
        loop {
            let answer = self.place(key, order).await;
            if !statuses.contains(&answer.status) {
                return answer;
            }
            let seconds = answer.retry_after().expect("the answer says when to retry");
            tokio::time::sleep(Duration::from_secs(seconds.into())).await;
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        let request = self.client.get(format!("{}{path}", self.url));
        Answer::of(request.send().await.unwrap()).await
    }

    /// A `POST` request to complete.
    pub fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.post(format!("{}{path}", self.url))
    }

    /// Any request to complete.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }
}

/// Loads the demo catalogue as an operator does.
pub async fn seed(database: &StoreDatabase) {
    seed_with(database, &[]).await;
}

/// Loads the demo catalogue for a tenant.
pub async fn seed_as(database: &StoreDatabase, tenant: &str) {
    seed_with(database, &[("OMS_TENANT_ID", tenant)]).await;
}

async fn seed_with(database: &StoreDatabase, settings: Settings<'_>) {
    let mut command = command(&database.url(), "http://127.0.0.1:1", settings);
    command.arg("seed");
    let exit = Process::start(command).ended().await;
    assert!(exit.status.success(), "{exit:?}");
}

pub fn client() -> Client {
    // reqwest requires a provider even without https. Another test of the same binary may have installed it first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .tls_certs_only([])
        // A request that takes longer will never be answered.
        .timeout(DEADLINE)
        // Well before the server closes idle connections, because a request could cross with that.
        .pool_idle_timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}
