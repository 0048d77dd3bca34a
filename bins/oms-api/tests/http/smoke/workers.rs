//! Background work: the sweeper, gateway events, dead letters, erasure, the comparison with the gateway's books, and
//! recovery after a killed process.

use serde_json::{Value, json};

use super::{Checks, Installation, Tenant};
use crate::eventually::eventually;
use crate::reporting::lost_answer;
use crate::request::{CUSTOMER, new_key, small_order};

pub(super) async fn check(at: &mut Installation, tenants: &[Tenant; 3], checks: &mut Checks) {
    at.restart().await;
    for tenant in tenants {
        sweep(at, tenant, checks).await;
    }
    give_up(at, &tenants[0], checks).await;
    erase(at, &tenants[1], checks).await;
    die(at, &tenants[2], checks).await;
    reconcile(at, checks).await;
    be_healthy(at, checks).await;
}

/// Waits until an order has a status.
async fn becomes(at: &Installation, tenant: &Tenant, id: &str, status: &str) {
    eventually(&format!("the order is {status}"), async || {
        let read = tenant.get(&at.api, &format!("/orders/{id}")).await;
        (read.body["status"] == status).then_some(())
    })
    .await;
}

async fn pending(at: &Installation, tenant: &Tenant, checks: &mut Checks) -> String {
    let pending = tenant.post(&at.api, "/orders", &small_order()).await;
    checks.status(
        "an order is pending while the gateway's answer is missing",
        &pending,
        202,
    );
    pending.body["orderId"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

async fn sweep(at: &Installation, tenant: &Tenant, checks: &mut Checks) {
    at.sandbox.plan(lost_answer()).await;
    let id = pending(at, tenant, checks).await;
    at.sandbox.release().await;
    becomes(at, tenant, &id, "PAID").await;
    checks.that(
        "the sweeper settles an order whose answer was lost",
        true,
        &id,
    );
}

async fn give_up(at: &Installation, tenant: &Tenant, checks: &mut Checks) {
    let silent = json!([
        { "operation": "confirm", "action": { "type": "error_after", "status": 500 } },
        { "operation": "retrieve", "action": { "type": "error_before", "status": 500 }, "times": null },
        { "operation": "webhook", "action": { "type": "drop" }, "times": null },
    ]);
    at.sandbox.plan(silent).await;
    let id = pending(at, tenant, checks).await;
    let letter = eventually("the sweeper gives up", async || {
        let listed = tenant.get(&at.api, "/operations/dead-letters").await;
        let letters = listed.body["items"].as_array().cloned().unwrap_or_default();
        let mut letters = letters.into_iter();
        letters.find(|letter: &Value| letter["orderId"] == id.as_str())
    })
    .await;
    checks.that(
        "the order is a dead letter",
        letter["id"].is_string(),
        &letter,
    );
    at.sandbox.release().await;
    let path = format!(
        "/operations/dead-letters/{}/retry",
        letter["id"].as_str().unwrap_or_default()
    );
    let retried = tenant.post(&at.api, &path, &json!({})).await;
    checks.that(
        "the sweeper is asked to retry",
        retried.status < 300,
        &retried,
    );
    becomes(at, tenant, &id, "PAID").await;
    checks.that("the sweeper settles the order", true, &id);
}

async fn erase(at: &Installation, tenant: &Tenant, checks: &mut Checks) {
    let listed = tenant.get(&at.api, "/orders?status=PAID&limit=100").await;
    let orders = listed.body["items"].as_array().cloned().unwrap_or_default();
    for order in &orders {
        send(at, tenant, order["orderId"].as_str().unwrap_or_default()).await;
    }
    let path = format!("/customers/{CUSTOMER}/erase");
    let erased = tenant
        .post(&at.api, &path, &json!({ "includeRecentlyPaid": true }))
        .await;
    checks.that("a customer is erased", erased.status < 300, &erased);
    let complete = eventually("the erasure is complete", async || {
        let again = tenant
            .post(&at.api, &path, &json!({ "includeRecentlyPaid": true }))
            .await;
        (again.body["state"] == "complete" || again.status == 404).then_some(again)
    })
    .await;
    checks.that(
        "all data of the customer is erased",
        complete.status < 300 || complete.status == 404,
        &complete,
    );
}

/// Ships what is left of an order: otherwise its address is kept.
async fn send(at: &Installation, tenant: &Tenant, id: &str) {
    let order = tenant.get(&at.api, &format!("/orders/{id}")).await;
    let work = order.body["fulfilmentOrders"][0]["id"].as_str();
    let path = format!("/fulfilment-orders/{}/shipments", work.unwrap_or_default());
    let parcels = json!({ "parcels": [{ "carrier": "UPS" }] });
    tenant.post(&at.api, &path, &parcels).await;
}

async fn die(at: &mut Installation, tenant: &Tenant, checks: &mut Checks) {
    at.sandbox.hold("confirm").await;
    let (key, body) = (new_key(), small_order());
    let placing = {
        let (tenant, url, key, body) = (
            tenant.clone(),
            at.api.url.clone(),
            key.clone(),
            body.clone(),
        );
        tokio::spawn(async move {
            let request = tenant
                .client
                .post(format!("{url}/orders"))
                .bearer_auth(&tenant.key);
            let request = request.header("idempotency-key", key).json(&body);
            request.send().await.is_ok()
        })
    };
    at.sandbox
        .called("confirm", at.sandbox.calls("confirm").await.max(1))
        .await;
    eventually("the payment is being confirmed", async || {
        let listed = tenant.get(&at.api, "/orders?status=PENDING_PAYMENT").await;
        let orders = listed.body["items"].as_array().cloned().unwrap_or_default();
        (!orders.is_empty()).then_some(())
    })
    .await;
    at.restart().await;
    at.sandbox.release().await;
    let answered = placing.await.unwrap_or_default();
    checks.that(
        "the client of a killed process gets no answer",
        !answered,
        &answered,
    );
    let settled = eventually("the order of the killed process is settled", async || {
        let again = tenant.post_once(&at.api, "/orders", &key, &body).await;
        (!matches!(again.status, 202 | 409 | 503)).then_some(again)
    })
    .await;
    let is_so = matches!(settled.status, 200 | 201 | 402);
    checks.that("another process settles the order", is_so, &settled);
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command expects times of the caller's clock"
)]
async fn reconcile(at: &Installation, checks: &mut Checks) {
    let now = chrono::Utc::now();
    let from = (now - chrono::TimeDelta::hours(1)).to_rfc3339();
    let words = format!("reconcile --from {from} --to {}", now.to_rfc3339());
    let settings = [("OMS_STRIPE_API_URL", at.sandbox.url.as_str())];
    let compared = at.run(&words, &settings).await;
    // Findings of earlier runs on the same database may be open.
    let is_so = matches!(compared.status.code(), Some(0 | 2));
    checks.that("the gateway's books are compared", is_so, &compared);
}

async fn be_healthy(at: &Installation, checks: &mut Checks) {
    let ready = at
        .client
        .get(format!("{}/health/ready", at.api.url))
        .send()
        .await;
    let is_ready = ready.as_ref().is_ok_and(|answer| answer.status() == 200);
    checks.that("the program is ready", is_ready, &ready);
    let metrics = at
        .client
        .get(format!("{}/metrics", at.api.metrics_url))
        .send()
        .await;
    let text = metrics.unwrap().text().await.unwrap_or_default();
    let panics: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("oms_worker_panics_total") && !line.ends_with(" 0"))
        .collect();
    checks.that("no worker panicked", panics.is_empty(), &panics);
    let log = at.api.log();
    let failures: Vec<&Value> = log
        .iter()
        .filter(|line| line["level"] == "ERROR" && line["message"] != "alert")
        .collect();
    checks.that("no error was logged", failures.is_empty(), &failures);
}
