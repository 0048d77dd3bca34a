//! A PostgreSQL server whose processes are all suspended, as on an overloaded or migrating machine: every request gets
//! an honest answer within a limit, and the first order afterwards is accepted.
//!
//! The server is suspended until requests of every kind have been answered. `OMS_TEST_FREEZE_S=60` keeps it suspended
//! for at least a minute, with requests all the time.

use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, join_all};
use oms_testing::PrivateServer;
use serde_json::json;

use crate::answer::Answer;
use crate::eventually::until;
use crate::giving_back::all;
use crate::request::{GADGET_C, WIDGET_A, new_key, small_order};
use crate::shop::{Customer, Shop};
use crate::stock::ATLANTA_WAREHOUSE;
use crate::store_database::StoreDatabase;

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
const BOUND: Duration = Duration::from_secs(60);

/// Minimum time for which the server is suspended.
fn freeze() -> Duration {
    let seconds = std::env::var("OMS_TEST_FREEZE_S").ok();
    let seconds = seconds.map(|text| text.parse().unwrap());
    Duration::from_secs(seconds.unwrap_or(0))
}

/// The resources of the requests of a round.
struct Subjects {
    paid_key: String,
    paid: String,
    cancelled: String,
    refunded: String,
    refund_key: String,
}

impl Subjects {
    async fn of(shop: &Shop) -> Self {
        let paid_key = new_key();
        let placed = shop.place(&paid_key, &small_order()).await;
        placed.assert_created();
        Self {
            paid_key,
            paid: placed.order_id(),
            cancelled: shop.paid().await,
            refunded: shop.paid().await,
            refund_key: new_key(),
        }
    }

    /// Sends concurrent requests of every kind that needs the database. The first is a new order with this key.
    async fn ask(&self, customer: &Customer, key: &str) -> Vec<(&'static str, Answer, Duration)> {
        let order_path = format!("/orders/{}", self.paid);
        let timeline = format!("{order_path}/timeline");
        let (order, warehouse) = (small_order(), format!("/warehouses/{ATLANTA_WAREHOUSE}"));
        let receipt = json!({
            "warehouseId": ATLANTA_WAREHOUSE,
            "lines": [{ "productId": GADGET_C, "quantity": 1 }],
        });
        let receipt_key = new_key();
        let (everything, none) = (all(), json!({}));
        let requests: Vec<(&'static str, BoxFuture<'_, Answer>)> = vec![
            ("a new order", Box::pin(customer.place(key, &order))),
            ("a replay", Box::pin(customer.place(&self.paid_key, &order))),
            ("an order", Box::pin(customer.get(&order_path))),
            ("a timeline", Box::pin(customer.get(&timeline))),
            ("a list of orders", Box::pin(customer.get("/orders"))),
            ("a cancellation", Box::pin(customer.cancel(&self.cancelled))),
            (
                "a refund",
                Box::pin(customer.refund(&self.refunded, &self.refund_key, &everything)),
            ),
            ("a warehouse", Box::pin(customer.get(&warehouse))),
            (
                "received stock",
                Box::pin(customer.post_once("/stock-levels/receive", &receipt_key, &receipt)),
            ),
            (
                "the findings",
                Box::pin(customer.get("/operations/findings")),
            ),
            (
                "a preview",
                Box::pin(customer.post_once("/routing/preview", &receipt_key, &none)),
            ),
        ];
        let timed = requests.into_iter().map(async |(what, request)| {
            let since = Instant::now();
            let answer = request.await;
            (what, answer, since.elapsed())
        });
        join_all(timed).await
    }
}

fn assert_honest(what: &str, answer: &Answer, took: Duration) {
    let is_honest = match answer.status {
        503 => [
            "service.database_unavailable",
            "orders.overloaded",
            "orders.outcome_unknown",
            "inventory.outcome_unknown",
            "service.outcome_unknown",
        ]
        .contains(&answer.code()),
        // Requests that were in progress when the server was suspended, or that are refused without the database.
        200..=202 => true,
        400 | 422 => what == "a preview",
        _ => false,
    };
    assert!(is_honest, "{what}: {answer:?}");
    assert!(took < BOUND, "{what} took {took:?}");
}

#[tokio::test]
async fn a_suspended_server_costs_each_request_a_limited_time_and_then_accepts_orders() {
    let server = PrivateServer::start().await;
    let database = StoreDatabase::create_on(&server).await;
    let mut shop = Shop::open_on(database, &TIMES).await;
    let subjects = Subjects::of(&shop).await;
    let mut keys = Vec::new();

    server.pause();
    let stopped = Instant::now();
    let mut slowest = Duration::ZERO;
    while keys.is_empty() || stopped.elapsed() < freeze() {
        let key = new_key();
        for (what, answer, took) in subjects.ask(&shop.customer(), &key).await {
            assert_honest(what, &answer, took);
            slowest = slowest.max(took);
        }
        keys.push(key);
    }
    until("the server is not ready", async || {
        shop.get("/health/ready").await.status == 503
    })
    .await;
    server.resume();
    let resumed = Instant::now();
    let key = new_key();
    shop.place(&key, &small_order()).await.assert_created();
    let first = resumed.elapsed();
    println!(
        "suspended for {:?}, during which no answer took longer than {slowest:?}; the first order afterwards took {first:?}",
        resumed - stopped
    );
    assert!(first < BOUND, "{first:?}");
    keys.push(key);
    until("the server is ready", async || {
        shop.get("/health/ready").await.status == 200
    })
    .await;

    // Each key has at most one order, and every order that was started is settled.
    shop.restart_sweeping().await;
    shop.settled(&subjects.cancelled).await;
    shop.settled(&subjects.refunded).await;
    shop.database.make_due().await;
    let mut orders = std::collections::BTreeSet::new();
    for key in &keys {
        let answer = shop
            .customer()
            .place_until_definite(key, &small_order())
            .await;
        assert!(matches!(answer.status, 200 | 201 | 402), "{answer:?}");
        orders.insert(answer.order_id());
    }
    assert_eq!(orders.len(), keys.len(), "two keys, one order");
    let replayed = shop.place(&subjects.paid_key, &small_order()).await;
    replayed.assert_replayed(&subjects.paid);
    shop.assert_consistent().await;
    assert!(shop.database.reserved(WIDGET_A).await >= 1);
}
