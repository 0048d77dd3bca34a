//! Alerts in the log, and those that are posted to a webhook.

use serde_json::{Value, json};

use crate::api::SWEEPING;
use crate::eventually::{eventually, until};
use crate::keys::TENANT;
use crate::receiver::{Manner, Received, Receiver};
use crate::request::{new_key, small_order};
use crate::shop::Shop;
use crate::store_database::StoreDatabase;

const SECRET: &str = "pagerHushHush";
const DELIVERED: &str = "oms_alert_deliveries_total{outcome=\"delivered\",sink=\"webhook\"}";
const LOGGED: &str = "oms_alert_deliveries_total{outcome=\"delivered\",sink=\"log\"}";
const FAILED: &str = "oms_alert_deliveries_total{outcome=\"failed\",sink=\"webhook\"}";

fn settings<'a>(url: &'a str, timeout_ms: &'a str) -> [(&'a str, &'a str); 5] {
    [
        SWEEPING,
        ("OMS_EVENTS_INTERVAL_MS", "100"),
        ("OMS_ALERT_WEBHOOK_URL", url),
        ("OMS_ALERT_WEBHOOK_SECRET", SECRET),
        ("OMS_ALERT_WEBHOOK_TIMEOUT_MS", timeout_ms),
    ]
}

fn url(receiver: &Receiver) -> String {
    format!("{}/hook?key=urlHushHush", receiver.url)
}

async fn open(receiver: &Receiver, timeout_ms: &str) -> Shop {
    Shop::open_with(&settings(&url(receiver), timeout_ms)).await
}

impl StoreDatabase {
    /// Finds a charge without an order, and returns the ID of the event.
    async fn raise(&self) -> String {
        self.raise_about(&format!("ch_{}", new_key().replace('-', "")))
            .await
    }

    async fn raise_about(&self, charge: &str) -> String {
        let id = new_key();
        self.execute(&format!(
            "INSERT INTO orders.findings
                 (tenant_id, id, kind, gateway, subject, charge_reference, detail, action)
             VALUES ('{TENANT}', '{id}', 'charge_without_order', 'stripe', '{charge}', '{charge}',
                     'a charge fits no order', 'none')"
        ))
        .await;
        self.tell("finding.opened", "finding", &id, "{}").await
    }

    /// Writes an event like the program, and returns its ID.
    async fn tell(&self, event_type: &str, subject: &str, id: &str, data: &str) -> String {
        let record = new_key();
        self.execute(&format!(
            "BEGIN;
             INSERT INTO events.records (tenant_id, id, type, subject_type, subject_id, data, occurred_at)
             VALUES ('{TENANT}', '{record}', '{event_type}', '{subject}', '{id}', '{data}', '2026-11-01T00:00:00Z');
             INSERT INTO events.outbox (tenant_id, id, subject_ids, numbers)
             VALUES ('{TENANT}', gen_random_uuid(), ARRAY['{record}'::uuid], ARRAY[0]);
             COMMIT"
        ))
        .await;
        format!("evt_{}", record.replace('-', ""))
    }

    /// Waits until nothing waits for the log or the webhook.
    async fn all_are_delivered(&self) {
        self.are_delivered("'alert_log', 'alert_webhook'").await;
    }

    async fn are_delivered(&self, sinks: &str) {
        let waiting = format!(
            "SELECT (SELECT count(*) FROM events.outbox)
                 + (SELECT count(*) FROM events.sinks WHERE sink IN ({sinks}) AND due_at IS NOT NULL)"
        );
        until("the alerts are delivered", async || {
            self.number(&waiting).await == 0
        })
        .await;
    }
}

fn ids(received: &[Received]) -> Vec<String> {
    let id = |request: &Received| body(request)["id"].as_str().unwrap().to_owned();
    received.iter().map(id).collect()
}

fn body(request: &Received) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

async fn count(shop: &Shop, series: &str) -> u64 {
    shop.metric(series).await.unwrap().parse().unwrap()
}

/// The IDs of the alerts in the log, once there are as many.
async fn logged(shop: &Shop, count: usize) -> Vec<String> {
    eventually("the alerts are in the log", async || {
        let lines = shop.api.log();
        let alerts = lines.iter().filter(|line| line["message"] == "alert");
        let ids = alerts.map(|line| line["alert_id"].as_str().unwrap().to_owned());
        let ids: Vec<String> = ids.collect();
        (ids.len() >= count).then_some(ids)
    })
    .await
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
    let subject = shop.database.rows("SELECT id FROM orders.findings").await;
    let expected = json!({
        "id": id,
        "kind": "finding",
        "tenantId": TENANT,
        "subjectId": subject[0][0],
        "orderId": null,
        "message": "a charge fits no order",
        "createdAt": "2026-11-01T00:00:00.000000Z",
    });
    assert_eq!(body(request), expected);
    let line = shop.api.logged("alert").await;
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["alert_id"], id);
    assert_eq!(line["text"], "a charge fits no order");
    shop.database.all_are_delivered().await;
    for delivered in [DELIVERED, LOGGED] {
        assert_eq!(count(&shop, delivered).await, 1);
    }
    assert_eq!(count(&shop, FAILED).await, 0);
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_finding_that_can_not_be_read_alerts_without_its_text_and_delays_no_other() {
    let receiver = Receiver::start(Manner::Answers(204)).await;
    let shop = open(&receiver, "25000").await;
    shop.database.raise_about("of another-version").await;
    shop.database.raise().await;
    let received = receiver.has_received(2).await;
    let mut messages: Vec<String> = received
        .iter()
        .map(|it| body(it)["message"].as_str().unwrap().to_owned())
        .collect();
    // The test's events have random IDs, by which the outbox orders them.
    messages.sort();
    assert_eq!(messages, ["a charge fits no order", "finding.opened"]);
}

#[tokio::test]
async fn an_endpoint_that_is_not_reached_alerts_too() {
    let receiver = Receiver::start(Manner::Answers(200)).await;
    let shop = open(&receiver, "25000").await;
    let endpoint = new_key();
    for (event, data) in [
        ("failing", r#"{"failingSince": "2026-11-01T00:00:00Z"}"#),
        ("recovered", "{}"),
        ("disabled", r#"{"reason": "gone"}"#),
    ] {
        let event = format!("webhook_endpoint.{event}");
        let subject = "webhook_endpoint";
        shop.database.tell(&event, subject, &endpoint, data).await;
    }
    let received = receiver.has_received(2).await;
    shop.database.all_are_delivered().await;
    let mut messages: Vec<String> = received
        .iter()
        .map(|it| body(it)["message"].as_str().unwrap().to_owned())
        .collect();
    // The test's events have random IDs, by which the outbox orders them.
    messages.sort();
    let expected = [
        format!(
            "nothing has reached the webhook endpoint {endpoint} since 2026-11-01T00:00:00Z; its events wait"
        ),
        format!("the webhook endpoint {endpoint} was disabled: it answered 410; its events wait"),
    ];
    assert_eq!(messages, expected);
    let first = body(&received[0]);
    assert_eq!(
        (&first["kind"], &first["subjectId"]),
        (&json!("webhook_endpoint"), &json!(endpoint))
    );
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn a_rejected_alert_is_logged_counted_and_posted_again() {
    let receiver = Receiver::start(Manner::Answers(500)).await;
    let mut shop = open(&receiver, "25000").await;
    let id = shop.database.raise().await;
    let failed = shop.api.logged("events could not be published").await;
    assert_eq!(failed["sink"], "alert_webhook");
    let cause = format!(
        "alert {id} could not be delivered: the receiver answered 500 Internal Server Error"
    );
    assert_eq!(failed["cause"], cause);
    assert!(count(&shop, FAILED).await >= 1);
    assert_eq!(count(&shop, DELIVERED).await, 0);

    receiver.becomes(Manner::Answers(200));
    shop.database.all_are_delivered().await;
    let posted = ids(&receiver.received());
    assert!(
        posted.len() >= 2 && posted.iter().all(|it| *it == id),
        "{posted:?}"
    );
    assert_eq!(count(&shop, DELIVERED).await, 1);
    // The log is a sink of its own, and repeats nothing.
    assert_eq!(logged(&shop, 1).await, [id]);
    let text = shop.api.process.lines().join("\n");
    for secret in [SECRET, "urlHushHush"] {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn a_hanging_webhook_blocks_neither_orders_nor_the_log() {
    let receiver = Receiver::start(Manner::Hangs).await;
    let mut shop = open(&receiver, "1000").await;
    let mut raised = vec![shop.database.raise().await];
    receiver.has_received(1).await;
    raised.push(shop.database.raise().await);
    shop.place_new(&small_order()).await.assert_created();
    assert_eq!(logged(&shop, 2).await, raised);
    let failed = shop.api.logged("events could not be published").await;
    let cause = failed["cause"].as_str().unwrap();
    assert!(cause.ends_with("no answer in time"), "{cause}");
    assert_eq!(count(&shop, DELIVERED).await, 0);
    receiver.becomes(Manner::Answers(200));
    raised.push(shop.database.raise().await);
    shop.database.all_are_delivered().await;
    let mut posted = ids(&receiver.received());
    posted.dedup();
    assert_eq!(posted, raised);
}

#[tokio::test]
async fn many_alerts_of_a_tenant_are_posted_one_at_a_time() {
    let receiver = Receiver::start(Manner::Hangs).await;
    let shop = open(&receiver, "25000").await;
    for _ in 0..40 {
        shop.database.raise().await;
    }
    receiver.has_received(1).await;
    shop.place_new(&small_order()).await.assert_created();
    logged(&shop, 40).await;
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn an_alert_that_was_in_flight_when_the_program_was_killed_is_posted_again_under_its_id() {
    let receiver = Receiver::start(Manner::Hangs).await;
    let mut shop = open(&receiver, "25000").await;
    let id = shop.database.raise().await;
    receiver.has_received(1).await;
    shop.api.process.kill();
    // Instead of waiting for the end of its lease.
    let now = "UPDATE events.sinks SET due_at = now() WHERE due_at IS NOT NULL";
    shop.database.execute(now).await;
    receiver.becomes(Manner::Answers(200));
    shop.restart(&settings(&url(&receiver), "25000")).await;
    shop.database.all_are_delivered().await;
    assert_eq!(ids(&receiver.received()), [id.clone(), id]);
}

#[tokio::test]
async fn a_new_webhook_gets_nothing_of_the_past_and_one_that_returns_continues_at_its_place() {
    let receiver = Receiver::start(Manner::Answers(200)).await;
    let url = url(&receiver);
    let with = settings(&url, "25000");
    let without = [SWEEPING, ("OMS_EVENTS_INTERVAL_MS", "100")];
    let mut shop = Shop::open_with(&without).await;
    let before = shop.database.raise().await;
    assert_eq!(logged(&shop, 1).await, [before]);
    shop.database.all_are_delivered().await;
    shop.api.process.kill();
    shop.restart(&with).await;
    let first = shop.database.raise().await;
    receiver.has_received(1).await;
    shop.database.all_are_delivered().await;

    shop.api.process.kill();
    shop.restart(&without).await;
    let second = shop.database.raise().await;
    assert_eq!(logged(&shop, 1).await, [second.as_str()]);
    shop.database.are_delivered("'alert_log'").await;
    shop.api.process.kill();
    shop.restart(&with).await;
    receiver.has_received(2).await;
    shop.database.all_are_delivered().await;
    assert_eq!(ids(&receiver.received()), [first, second]);
}
