//! A database that accepts connections but never answers: requests that wait for it end in time, and others are served.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::answer::Answer;
use crate::api::{Api, command};
use crate::eventually::{eventually, until};
use crate::request::{new_key, small_order};
use crate::shop::{Customer, Shop};
use oms_testing::SilentProxy;

/// The product's time-outs, with a quarter of its limit for statements.
const TIMES: [(&str, &str); 7] = [
    ("OMS_DATABASE_ACQUIRE_TIMEOUT_MS", "5000"),
    ("OMS_DATABASE_PING_TIMEOUT_MS", "2000"),
    ("OMS_INTAKE_TIMEOUT_MS", "5000"),
    ("OMS_INTAKE_OVERDUE_MS", "1000"),
    ("OMS_DATABASE_LOCK_TIMEOUT_MS", "2000"),
    ("OMS_DATABASE_STATEMENT_TIMEOUT_MS", "2500"),
    ("OMS_DATABASE_ANSWER_TIMEOUT_MS", "3000"),
];
/// Maximum time of a request: the waits for its turn, for a connection and for a missing answer, plus a margin for a
/// busy machine.
const BOUND: Duration = Duration::from_secs(30);

struct Silence {
    shop: Shop,
    proxy: SilentProxy,
    api: Api,
}

impl Silence {
    /// Starts a second API for the shop, whose database connection can be silenced.
    async fn open() -> Self {
        let shop = Shop::open().await;
        let (proxy, url) = shop.database.behind_proxy().await;
        let api = Api::start(command(&url, &shop.sandbox.url, &TIMES)).await;
        Self { shop, proxy, api }
    }

    fn customer(&self) -> Customer {
        self.shop.customer_of(&self.api)
    }

    /// Places orders concurrently.
    fn place(&self, keys: &[String]) -> Vec<tokio::task::JoinHandle<(Answer, Duration)>> {
        let place = |key: &String| {
            let (customer, key) = (self.customer(), key.clone());
            tokio::spawn(async move {
                let since = Instant::now();
                let answer = customer.place(&key, &small_order()).await;
                (answer, since.elapsed())
            })
        };
        keys.iter().map(place).collect()
    }

    async fn assert_resolved(mut self, keys: &[String]) {
        self.api.process.kill();
        self.shop.sweep().await;
        for key in keys {
            let customer = self.shop.customer();
            let answer = customer.place_until_definite(key, &small_order()).await;
            // Paid before or now, or cut off and cancelled.
            assert!(matches!(answer.status, 200 | 201 | 402), "{answer:?}");
        }
        self.shop.assert_consistent().await;
    }
}

fn assert_honest(answer: &Answer) {
    let code = answer.body["code"].as_str().unwrap_or_default();
    let honest = match answer.status {
        201 | 202 => true,
        503 => matches!(
            code,
            "service.database_unavailable" | "orders.overloaded" | "orders.outcome_unknown"
        ),
        _ => false,
    };
    assert!(honest, "{answer:?}");
}

#[tokio::test]
async fn silenced_connections_delay_only_their_own_requests() {
    let silence = Silence::open().await;
    silence
        .customer()
        .place(&new_key(), &small_order())
        .await
        .assert_created();
    let keys: Vec<String> = (0..8).map(|_| new_key()).collect();
    let caught = silence.place(&keys);
    silence.proxy.swallow_existing();
    eventually("another order is paid", async || {
        let answer = silence.customer().place(&new_key(), &small_order()).await;
        (answer.status == 201).then_some(())
    })
    .await;
    for caught in caught {
        let (answer, took) = caught.await.unwrap();
        assert_honest(&answer);
        assert!(took < BOUND, "{took:?}");
    }
    silence.assert_resolved(&keys).await;
}

#[tokio::test]
async fn a_silent_database_costs_each_request_a_limited_time_and_then_accepts_orders() {
    let silence = Silence::open().await;
    silence
        .customer()
        .place(&new_key(), &small_order())
        .await
        .assert_created();
    let keys: Vec<String> = (0..8).map(|_| new_key()).collect();
    silence.proxy.freeze();
    let sent = silence.place(&keys);
    for sent in sent {
        let (answer, took) = sent.await.unwrap();
        assert_honest(&answer);
        assert!(took < BOUND, "{took:?}");
    }
    // The outage must last for some time, during which connections fail.
    sleep(Duration::from_secs(3)).await;
    silence.proxy.thaw();
    eventually("an order is paid", async || {
        let answer = silence.customer().place(&new_key(), &small_order()).await;
        (answer.status == 201).then_some(())
    })
    .await;
    silence.assert_resolved(&keys).await;
}

#[tokio::test]
async fn a_database_that_answers_no_statement_is_reported_until_it_answers_again() {
    let silence = Silence::open().await;
    silence
        .customer()
        .place(&new_key(), &small_order())
        .await
        .assert_created();
    silence.proxy.swallow_statements();
    let keys: Vec<String> = (0..8).map(|_| new_key()).collect();
    for sent in silence.place(&keys) {
        let (answer, took) = sent.await.unwrap();
        assert_honest(&answer);
        assert!(took < BOUND, "{took:?}");
    }
    until("the server is not ready", async || {
        silence.customer().get("/health/ready").await.status == 503
    })
    .await;
    silence.proxy.heal();
    eventually("an order is paid", async || {
        let answer = silence.customer().place(&new_key(), &small_order()).await;
        (answer.status == 201).then_some(())
    })
    .await;
    until("the server is ready", async || {
        silence.customer().get("/health/ready").await.status == 200
    })
    .await;
    silence.assert_resolved(&keys).await;
}
