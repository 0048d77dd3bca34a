//! Webhooks that can't be applied or accepted when they arrive: any process applies them once that is possible.

use serde_json::{Value, json};

use crate::api::APPLYING;
use crate::eventually::until;
use crate::reporting::{SECRET, outcomes, reporting_shop, with_bank, with_lost_answer};
use crate::request::{new_key, small_order};
use crate::shop::Shop;

#[tokio::test]
async fn an_event_is_applied_once_its_payment_can_be_read() {
    let shop = Shop::open_with(&[APPLYING]).await;
    shop.sandbox.report_to(&shop.api.url, SECRET).await;
    shop.sandbox
        .plan(json!([
            { "operation": "confirm", "action": { "type": "error_after", "status": 502 } },
            { "operation": "retrieve", "action": { "type": "error_before", "status": 503 }, "times": null },
        ]))
        .await;
    let pending = shop.place_new(&small_order()).await;
    pending.assert_pending();
    let order_id = pending.order_id();
    until("an attempt was made", async || {
        let sql = "SELECT count(*) FROM payments.gateway_events WHERE tries > 0";
        shop.database.number(sql).await == 2
    })
    .await;
    assert_eq!(shop.database.status(&order_id).await, "PENDING_PAYMENT");

    shop.sandbox.release().await;
    until("the order is paid", async || {
        shop.database
            .execute("UPDATE payments.gateway_events SET due_at = now() WHERE applied_at IS NULL")
            .await;
        shop.database.status(&order_id).await == "PAID"
    })
    .await;
    let timeline = shop.timeline(&order_id).await;
    assert_eq!(
        timeline,
        [["api:local", "PENDING_PAYMENT"], ["webhook", "PAID"]]
    );
    shop.all_applied().await;
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_webhook_sent_while_the_program_is_down_is_applied_once_it_is_up() {
    let mut shop = Shop::open().await;
    shop.sandbox
        .report_patiently_to(&shop.api.url, SECRET)
        .await;
    let (order_id, intent) = with_bank(&shop).await;
    shop.all_applied().await;
    shop.api.process.kill();
    shop.sandbox.settle(&intent, "succeeded").await;
    until("a delivery failed", async || {
        let deliveries = shop.sandbox.deliveries().await;
        let tried = |it: &Value| it["state"] == "pending" && it["tries"].as_u64() >= Some(2);
        deliveries.iter().any(tried)
    })
    .await;

    shop.restart(&[]).await;
    shop.sandbox
        .report_patiently_to(&shop.api.url, SECRET)
        .await;
    shop.becomes(&order_id, "PAID").await;
    shop.all_applied().await;
    let sql = "SELECT type, count(*) FROM payments.gateway_events GROUP BY type ORDER BY type";
    let stored = shop.database.rows(sql).await;
    assert_eq!(
        stored,
        [
            ["charge.succeeded", "1"],
            ["payment_intent.created", "1"],
            ["payment_intent.processing", "1"],
            ["payment_intent.succeeded", "1"],
        ]
    );
    let timeline = shop.timeline(&order_id).await;
    assert_eq!(
        timeline,
        [["api:local", "PENDING_PAYMENT"], ["webhook", "PAID"]]
    );
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_webhook_stored_by_a_killed_process_is_applied_by_another() {
    let mut shop = reporting_shop().await;
    shop.sandbox
        .plan(json!([
            { "operation": "confirm", "action": { "type": "error_after", "status": 502 } },
            { "operation": "retrieve", "action": { "type": "hold" }, "skip": 1, "times": null },
            { "operation": "retrieve", "action": { "type": "error_before", "status": 503 } },
        ]))
        .await;
    let customer = shop.customer();
    let buyer = tokio::spawn(async move {
        let request = customer
            .post("/orders")
            .header("idempotency-key", new_key());
        request.json(&small_order()).send().await
    });
    // One look-up is the buyer's, the other one the webhook's. One of them is held.
    shop.sandbox.called("retrieve", 2).await;
    until("both webhooks are stored", async || {
        let sql = "SELECT count(*) FROM payments.gateway_events WHERE applied_at IS NULL";
        shop.database.number(sql).await == 2
    })
    .await;
    shop.api.process.kill();
    // It does not matter whether the buyer was answered.
    let _ = buyer.await.unwrap();
    let order_id = shop.pending_order().await;
    shop.sandbox.release().await;
    // The lease of the killed process has ended.
    shop.database
        .execute("UPDATE payments.gateway_events SET due_at = now() WHERE applied_at IS NULL")
        .await;
    shop.restart(&[]).await;
    shop.becomes(&order_id, "PAID").await;
    let applied = outcomes(&[("ignored", 1), ("paid", 1), ("superseded", 1)]);
    assert_eq!(shop.all_applied().await, applied);
    assert_eq!(shop.timeline(&order_id).await[1], ["webhook", "PAID"]);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn two_processes_that_apply_events_concurrently_settle_each_order_once() {
    const ORDERS: usize = 20;
    let shop = Shop::open_with(&[APPLYING]).await;
    let other = shop.another_api(&[APPLYING]).await;
    shop.sandbox.report_to(&other.url, SECRET).await;
    let mut orders = Vec::new();
    for _ in 0..ORDERS {
        orders.push(with_lost_answer(&shop, &new_key(), &small_order()).await);
    }
    shop.sandbox.release().await;
    for order_id in &orders {
        shop.becomes(order_id, "PAID").await;
        let timeline = shop.timeline(order_id).await;
        assert_eq!(
            timeline,
            [["api:local", "PENDING_PAYMENT"], ["webhook", "PAID"]]
        );
    }
    shop.all_applied().await;
    shop.assert_consistent().await;
}

#[tokio::test]
async fn old_applied_events_are_deleted() {
    let mut shop = Shop::open().await;
    let insert = |id: &str, days: u32| {
        format!(
            "INSERT INTO payments.gateway_events (tenant_id, gateway, event_id, type, reference, gateway_created_at,
                 received_at, due_at, applied_at, outcome)
             SELECT gen_random_uuid(), 'stripe', '{id}', 'charge.succeeded', 'pi_1', at, at, at, at, 'paid'
             FROM (SELECT now() - interval '{days} days' AS at) times"
        )
    };
    let register =
        "INSERT INTO tenancy.tenants (tenant_id) SELECT tenant_id FROM payments.gateway_events";
    shop.database.execute(&insert("evt_old", 31)).await;
    shop.database.execute(&insert("evt_new", 29)).await;
    shop.database.execute(register).await;
    shop.api.process.kill();
    shop.restart(&[]).await;
    until("the old one is deleted", async || {
        let sql = "SELECT event_id FROM payments.gateway_events";
        shop.database.rows(sql).await == [["evt_new"]]
    })
    .await;
}
