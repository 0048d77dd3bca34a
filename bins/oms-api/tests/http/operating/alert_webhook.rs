//! Alerts that are posted to a webhook.

use serde_json::Value;

use crate::api::SWEEPING;
use crate::eventually::until;
use crate::keys::TENANT;
use crate::receiver::{Manner, Received, Receiver};
use crate::request::{new_key, small_order};
use crate::shop::Shop;
use crate::store_database::StoreDatabase;

const SECRET: &str = "pagerHushHush";
const DELIVERED: &str = "oms_alert_deliveries_total{outcome=\"delivered\",sink=\"webhook\"}";
const FAILED: &str = "oms_alert_deliveries_total{outcome=\"failed\",sink=\"webhook\"}";

async fn open(receiver: &Receiver, timeout_ms: &str) -> Shop {
    let url = format!("{}/hook?key=urlHushHush", receiver.url);
    Shop::open_with(&[
        SWEEPING,
        ("OMS_ALERT_WEBHOOK_URL", &url),
        ("OMS_ALERT_WEBHOOK_SECRET", SECRET),
        ("OMS_ALERT_WEBHOOK_TIMEOUT_MS", timeout_ms),
    ])
    .await
}

impl StoreDatabase {
    /// Raises an alert like the sweeper.
    async fn raise(&self) -> String {
        let id = new_key();
        self.execute(&format!(
            "INSERT INTO orders.alerts (tenant_id, id, kind, subject_id, message, created_at, due_at)
             VALUES ('{TENANT}', '{id}', 'finding', '{}', 'a charge fits no order', '2026-11-01T00:00:00Z', now())",
            new_key()
        ))
        .await;
        id
    }

    async fn undelivered(&self) -> i64 {
        self.number("SELECT count(*) FROM orders.alerts WHERE delivered_at IS NULL")
            .await
    }

    /// Makes undelivered alerts due for the next attempt.
    async fn retry_alerts(&self) {
        self.execute("UPDATE orders.alerts SET due_at = now()")
            .await;
    }
}

fn ids(received: &[Received]) -> Vec<String> {
    let id = |request: &Received| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        body["id"].as_str().unwrap().to_owned()
    };
    received.iter().map(id).collect()
}

async fn count(shop: &Shop, series: &str) -> u64 {
    shop.metric(series).await.unwrap().parse().unwrap()
}

#[tokio::test]
async fn an_alert_is_posted_once_and_also_logged() {
    let receiver = Receiver::start(Manner::Answers(204)).await;
    let mut shop = open(&receiver, "25000").await;
    let id = shop.database.raise().await;
    let received = receiver.has_received(1).await;
    let request = &received[0];
    assert_eq!(request.path, "/hook?key=urlHushHush");
    assert_eq!(request.headers["authorization"], format!("Bearer {SECRET}"));
    assert_eq!(request.headers["content-type"], "application/json");
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["id"], id);
    assert_eq!(body["kind"], "finding");
    assert_eq!(body["tenantId"], TENANT);
    assert_eq!(body["message"], "a charge fits no order");
    assert_eq!(body["orderId"], Value::Null);
    assert_eq!(body["createdAt"], "2026-11-01T00:00:00Z");
    assert_eq!(shop.api.logged("alert").await["alert_id"], id);
    until("the delivery is noted", async || {
        shop.database.undelivered().await == 0
    })
    .await;
    assert_eq!(count(&shop, DELIVERED).await, 1);
    assert_eq!(count(&shop, FAILED).await, 0);
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_rejected_alert_is_logged_counted_and_posted_again() {
    let receiver = Receiver::start(Manner::Answers(500)).await;
    let mut shop = open(&receiver, "25000").await;
    let id = shop.database.raise().await;
    let failed = shop.api.logged("an alert could not be delivered").await;
    assert_eq!(failed["alert_id"], id);
    assert_eq!(
        failed["cause"],
        "the receiver answered 500 Internal Server Error"
    );
    assert_eq!(count(&shop, FAILED).await, 1);
    assert_eq!(shop.database.undelivered().await, 1);
    // It is not posted again immediately: the next attempt comes later.
    assert_eq!(receiver.received().len(), 1);

    receiver.becomes(Manner::Answers(200));
    shop.database.retry_alerts().await;
    let received = receiver.has_received(2).await;
    assert_eq!(ids(&received), [id.clone(), id]);
    until("the delivery is noted", async || {
        shop.database.undelivered().await == 0
    })
    .await;
    assert_eq!(count(&shop, DELIVERED).await, 1);
    let text = shop.api.process.lines().join("\n");
    for secret in [SECRET, "urlHushHush"] {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn a_hanging_webhook_blocks_neither_orders_nor_other_alerts() {
    let receiver = Receiver::start(Manner::Hangs).await;
    let mut shop = open(&receiver, "1000").await;
    let mut raised = vec![shop.database.raise().await, shop.database.raise().await];
    receiver.has_received(2).await;
    shop.place_new(&small_order()).await.assert_created();
    let failed = shop.api.logged("an alert could not be delivered").await;
    assert_eq!(failed["cause"], "no answer in time");
    until("both have failed", async || count(&shop, FAILED).await == 2).await;
    // A later alert is posted although the first two are not delivered.
    receiver.becomes(Manner::Answers(200));
    let late = shop.database.raise().await;
    until("it is delivered", async || {
        shop.database.undelivered().await == 2
    })
    .await;
    raised.push(late);
    shop.database.retry_alerts().await;
    until("all are delivered", async || {
        shop.database.undelivered().await == 0
    })
    .await;
    let posted = ids(&receiver.received());
    assert!(raised.iter().all(|id| posted.contains(id)), "{posted:?}");
}

#[tokio::test]
async fn only_a_few_of_many_alerts_are_posted_concurrently() {
    let receiver = Receiver::start(Manner::Hangs).await;
    let shop = open(&receiver, "25000").await;
    let rows = format!(
        "INSERT INTO orders.alerts (tenant_id, id, kind, subject_id, message, created_at, due_at)
         SELECT '{TENANT}', gen_random_uuid(), 'finding', gen_random_uuid(), 'x', now(), now()
         FROM generate_series(1, 100)"
    );
    shop.database.execute(&rows).await;
    receiver.has_received(16).await;
    shop.place_new(&small_order()).await.assert_created();
    assert_eq!(receiver.received().len(), 16);
}
