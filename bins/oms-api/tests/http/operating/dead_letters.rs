//! Orders that the sweeper gives up on: the alert in the log, and the work of operators through the API.

use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api::SWEEPING;
use crate::eventually::{eventually, until};
use crate::keys::{STRANGERS, make_key};
use crate::request::{WIDGET_A, new_key, small_order};
use crate::shop::Shop;
use crate::store_database::StoreDatabase;

const PATH: &str = "/operations/dead-letters";
const TRIES: (&str, &str) = ("OMS_SWEEP_MAX_TRIES", "2");

impl Shop {
    /// A request to the operators' endpoints.
    async fn operate(&self, method: Method, path: &str, token: Option<&str>) -> Answer {
        self.operate_with(method, path, token, None).await
    }

    async fn operate_with(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        let mut request = self.customer().request(method, &format!("{PATH}{path}"));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::of(request.send().await.unwrap()).await
    }

    /// A request without a body that takes effect once per key.
    async fn operate_once(&self, path: &str, key: &str, token: &str) -> Answer {
        let request = self.customer().post(&format!("{PATH}{path}"));
        let request = request.header("idempotency-key", key).bearer_auth(token);
        Answer::of(request.send().await.unwrap()).await
    }

    async fn resolve(&self, id: &str, verdict: &str, token: &str) -> Answer {
        let body = json!({ "as": verdict, "reason": "seen in the dashboard" });
        let path = format!("/{id}/resolve");
        self.operate_with(Method::POST, &path, Some(token), Some(body))
            .await
    }

    /// Returns the dead letter once the sweeper has given up on an order. Time passes quickly for it.
    async fn given_up(&self, order_id: &str) -> String {
        let sql = format!(
            "SELECT id FROM orders.dead_letters WHERE order_id = '{order_id}' AND resolved_at IS NULL"
        );
        eventually("the sweeper gives up", async || {
            self.database.pass_a_second().await;
            let rows = self.database.rows(&sql).await;
            rows.into_iter().flatten().next()
        })
        .await
    }
}

/// A shop that sweeps, with one order that the sweeper gave up on: its payment got no answer, and can't be looked up
/// until the sandbox is released.
async fn with_stuck_order() -> (Shop, String, String) {
    let mut shop = Shop::open().await;
    let unanswered = json!([
        { "operation": "confirm", "action": { "type": "error_after", "status": 500 } },
        { "operation": "retrieve", "action": { "type": "error_before", "status": 500 }, "times": null },
    ]);
    shop.sandbox.plan(unanswered).await;
    let pending = shop.place_new(&small_order()).await;
    pending.assert_pending();
    let order_id = pending.order_id();
    shop.api.process.kill();
    shop.restart(&[SWEEPING, TRIES]).await;
    shop.database.make_due().await;
    let id = shop.given_up(&order_id).await;
    (shop, order_id, id)
}

/// The ID and the subject of each event that alerts, and whether the log has it.
async fn alerts(database: &StoreDatabase) -> Vec<Vec<String>> {
    let sql = "SELECT 'evt_' || replace(r.id::text, '-', ''), r.subject_id,
                      (SELECT due_at IS NULL FROM events.sinks WHERE sink = 'alert_log')
               FROM events.records r WHERE r.type = 'dead_letter.opened'";
    database.rows(sql).await
}

#[tokio::test]
async fn a_stuck_order_becomes_a_dead_letter_with_one_alert_and_is_settled_by_a_retry() {
    let (mut shop, order_id, id) = with_stuck_order().await;
    let ann = shop.key("ann", "operations").await;
    let bob = shop.key("bob", "operations").await;
    let alert = shop.api.logged("alert").await;
    assert_eq!(alert["level"], "ERROR");
    assert_eq!(alert["kind"], "dead_letter");
    assert_eq!(alert["order_id"], order_id);
    assert_eq!(alert["subject_id"], id);
    until("the delivery is noted", async || {
        let stored = alerts(&shop.database).await;
        assert_eq!(
            stored[0][..2],
            [alert["alert_id"].as_str().unwrap(), id.as_str()]
        );
        stored.len() == 1 && stored[0][2] == "t"
    })
    .await;
    until("the metrics show it", async || {
        let open = shop.metric("oms_dead_letters_open").await;
        let swept = shop
            .metric("oms_swept_orders_total{outcome=\"dead_lettered\"}")
            .await;
        (open.as_deref(), swept.as_deref()) == (Some("1"), Some("1"))
    })
    .await;
    assert_eq!(
        shop.metric("oms_sweep_lag_seconds").await.as_deref(),
        Some("0")
    );
    assert_eq!(
        shop.metric("oms_sweep_attempts_total").await.as_deref(),
        Some("2")
    );
    assert_eq!(shop.database.status(&order_id).await, "PENDING_PAYMENT");
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);

    let listed = shop.operate(Method::GET, "", Some(&ann)).await;
    assert_eq!(listed.status, 200, "{listed:?}");
    assert_eq!(listed.body["items"][0]["id"], id);
    assert_eq!(listed.body["items"][0]["tries"], 2);
    assert!(listed.body.get("nextCursor").is_none(), "{listed:?}");
    let shown = shop
        .operate(Method::GET, &format!("/{id}"), Some(&ann))
        .await;
    assert_eq!(shown.body["deadLetter"], listed.body["items"][0]);
    assert_eq!(shown.body["order"]["orderId"], order_id);
    assert_eq!(shown.body["timeline"][1]["actor"], "sweeper");
    assert_eq!(
        shown.body["attempts"].as_array().unwrap().len(),
        1,
        "{shown:?}"
    );

    shop.sandbox.release().await;
    let retry = format!("/{id}/retry");
    let key = new_key();
    let retried = shop.operate_once(&retry, &key, &ann).await;
    assert_eq!(retried.status, 202, "{retried:?}");
    assert_eq!(retried.body["resolved"]["by"], "operator:ann");
    assert_eq!(retried.header("idempotent-replayed"), None);
    assert_eq!(shop.ended(&order_id).await, "PAID");
    let repeated = shop.operate_once(&retry, &key, &ann).await;
    assert_eq!(repeated.status, 202, "{repeated:?}");
    assert_eq!(repeated.header("idempotent-replayed"), Some("true"));
    assert_eq!(repeated.body["resolved"], retried.body["resolved"]);
    let other = format!("/{}/retry", new_key());
    let reused = shop.operate_once(&other, &key, &ann).await;
    reused.assert_problem(422, "orders.idempotency_key_reused");
    let again = shop.operate(Method::POST, &retry, Some(&bob)).await;
    again.assert_problem(409, "orders.dead_letter_resolved");
    let late = shop.resolve(&id, "paid", &bob).await;
    late.assert_problem(409, "orders.dead_letter_resolved");

    let resolved = shop
        .operate(Method::GET, "?state=resolved", Some(&ann))
        .await;
    assert_eq!(
        resolved.body["items"][0]["resolved"]["resolution"],
        "retried"
    );
    let alerts = shop
        .api
        .log()
        .iter()
        .filter(|line| line["message"] == "alert")
        .count();
    assert_eq!(alerts, 1);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_operator_resolves_an_order_only_with_a_verdict_that_the_gateway_confirms() {
    let (shop, order_id, id) = with_stuck_order().await;
    let ann = shop.key("ann", "operations").await;
    let silent = shop.resolve(&id, "failed", &ann).await;
    silent.assert_problem(503, "payments.gateway_unavailable");
    shop.sandbox.release().await;
    let refused = eventually("the gateway is called again", async || {
        let refused = shop.resolve(&id, "failed", &ann).await;
        (refused.status != 503).then_some(refused)
    })
    .await;
    refused.assert_problem(409, "orders.payment_was_taken");

    let resolved = shop.resolve(&id, "paid", &ann).await;
    assert_eq!(resolved.status, 200, "{resolved:?}");
    assert_eq!(resolved.body["orderStatus"], "PAID");
    assert_eq!(resolved.body["resolved"]["note"], "seen in the dashboard");
    let last = "SELECT actor, reason FROM orders.events ORDER BY sequence DESC LIMIT 1";
    let last = shop.database.rows(last).await;
    assert_eq!(last, [["operator:ann", "seen in the dashboard"]]);
    assert_eq!(shop.order(&order_id).await["status"], "PAID");
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_unpaid_order_is_resolved_as_failed_after_its_payment_is_cancelled() {
    let mut shop = Shop::open().await;
    let ann = shop.key("ann", "operations").await;
    let bob = shop.key("bob", "operations").await;
    let unanswered = json!([
        { "operation": "confirm", "action": { "type": "error_before", "status": 500 } },
        { "operation": "retrieve", "action": { "type": "error_before", "status": 500 }, "times": null },
    ]);
    shop.sandbox.plan(unanswered).await;
    let key = new_key();
    let pending = shop.place(&key, &small_order()).await;
    pending.assert_pending();
    let order_id = pending.order_id();
    shop.api.process.kill();
    shop.restart(&[SWEEPING, TRIES]).await;
    shop.database.make_due().await;
    let id = shop.given_up(&order_id).await;
    shop.sandbox.release().await;

    let refused = eventually("the gateway is called again", async || {
        let refused = shop.resolve(&id, "paid", &ann).await;
        (refused.status != 503).then_some(refused)
    })
    .await;
    refused.assert_problem(409, "orders.not_proven_paid");
    let intent = shop.sandbox.order(&order_id).await["intents"][0]["status"].clone();
    assert_eq!(intent, "requires_payment_method");

    let resolved = shop.resolve(&id, "failed", &bob).await;
    assert_eq!(resolved.status, 200, "{resolved:?}");
    assert_eq!(resolved.body["orderStatus"], "FAILED");
    let intent = shop.sandbox.order(&order_id).await["intents"][0]["status"].clone();
    assert_eq!(intent, "canceled");
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    shop.place(&key, &small_order())
        .await
        .assert_failed("orders.payment_voided");
    shop.assert_consistent().await;
}

#[tokio::test]
async fn only_operators_may_use_the_endpoints() {
    let (shop, order_id, id) = with_stuck_order().await;
    let till = shop.key("till", "orders:read orders:write").await;
    let ann = shop.key("ann", "operations").await;
    let endpoints = [
        (Method::GET, String::new()),
        (Method::GET, format!("/{id}")),
        (Method::POST, format!("/{id}/retry")),
        (Method::POST, format!("/{id}/resolve")),
    ];
    for (method, path) in &endpoints {
        for token in ["x", &ann[1..], ""].map(Some) {
            let refused = shop.operate(method.clone(), path, token).await;
            refused.assert_problem(401, "access.unauthenticated");
            assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        }
        let refused = shop.operate(method.clone(), path, Some(&till)).await;
        refused.assert_problem(403, "access.forbidden");
    }
    assert_eq!(shop.database.status(&order_id).await, "PENDING_PAYMENT");
    let open = "SELECT count(*) FROM orders.dead_letters WHERE resolved_at IS NULL";
    assert_eq!(shop.database.number(open).await, 1);
    let log = serde_json::to_string(&shop.api.log()).unwrap();
    assert!(
        !log.contains(ann.as_str()) && !log.contains(&ann[1..]),
        "a token is in the log"
    );
}

#[tokio::test]
async fn in_development_every_caller_is_an_operator_and_in_production_a_key_is_required() {
    let shop = Shop::open().await;
    let listed = shop.operate(Method::GET, "", None).await;
    assert_eq!(
        (listed.status, &listed.body),
        (200, &json!({ "items": [] }))
    );

    let production = [
        ("OMS_ENV", "production"),
        ("OMS_STRIPE_API_URL", "https://127.0.0.1:1"),
        ("OMS_STRIPE_SECRET_KEY", "sk_live_hushHushKey"),
    ];
    let mut shop = Shop::open().await;
    let ann = shop.key("ann", "operations").await;
    shop.api.process.kill();
    shop.restart(&production).await;
    for token in [None, Some(ann.as_str())] {
        let refused = shop.operate(Method::GET, "", token).await;
        refused.assert_problem(401, "access.unauthenticated");
    }
}

#[tokio::test]
async fn unknown_dead_letters_are_404_and_invalid_requests_are_400() {
    let (shop, order_id, id) = with_stuck_order().await;
    let ann = shop.key("ann", "operations").await;
    let stranger = make_key(&shop.database, STRANGERS, "ann", "operations").await;
    let unknown = new_key();
    for id in [unknown.as_str(), "1", order_id.as_str()] {
        for (method, what) in [(Method::GET, ""), (Method::POST, "/retry")] {
            let answer = shop
                .operate(method, &format!("/{id}{what}"), Some(&ann))
                .await;
            answer.assert_problem(404, "orders.dead_letter_not_found");
        }
        let answer = shop.resolve(id, "failed", &ann).await;
        answer.assert_problem(404, "orders.dead_letter_not_found");
    }

    for body in [
        json!({}),
        json!({ "as": "paid" }),
        json!({ "as": "PAID", "reason": "x" }),
        json!({ "as": "paid", "reason": " " }),
        json!({ "as": "paid", "reason": "x".repeat(501) }),
        json!({ "as": "paid", "reason": "a\u{0}b" }),
        json!({ "as": "paid", "reason": "x", "amount": 1 }),
    ] {
        let path = format!("/{id}/resolve");
        let answer = shop
            .operate_with(Method::POST, &path, Some(&ann), Some(body))
            .await;
        answer.assert_problem(400, "request.invalid");
    }
    for query in [
        "?cursor=x",
        "?limit=0",
        "?limit=101",
        "?state=lost",
        "?page=2",
    ] {
        let answer = shop.operate(Method::GET, query, Some(&ann)).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.fields(), [query[1..].split('=').next().unwrap()]);
    }

    // Another tenant of the same installation can't see it.
    let before = shop.database.status(&order_id).await;
    for (method, path) in [
        (Method::GET, format!("/{id}")),
        (Method::POST, format!("/{id}/retry")),
    ] {
        let answer = shop.operate(method, &path, Some(&stranger)).await;
        answer.assert_problem(404, "orders.dead_letter_not_found");
    }
    assert_eq!(shop.database.status(&order_id).await, before);
}
