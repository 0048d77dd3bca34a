//! Changes that happen to payments at the gateway, delivered by webhooks of a sandbox: refunds in its dashboard,
//! refunds that fail later, disputes.

use serde_json::{Value, json};

use crate::eventually::until;
use crate::giving_back::{all, part, usd};
use crate::reporting::reporting_shop;
use crate::request::{WIDGET_A, new_key};
use crate::shop::Shop;

impl Shop {
    /// Returns once the order has the expected content.
    async fn shows(&self, order_id: &str, what: &str, shows: impl Fn(&Value) -> bool) -> Value {
        until(what, async || shows(&self.order(order_id).await)).await;
        self.order(order_id).await
    }

    /// Whether the order's timeline has an entry about a change at the gateway.
    async fn is_told(&self, order_id: &str) -> bool {
        let timeline = self.get(&format!("/orders/{order_id}/timeline")).await;
        let mut entries = timeline.body["items"].as_array().unwrap().iter();
        entries.any(|entry| entry["actor"] == "gateway")
    }

    /// Kind and state of each finding.
    async fn found(&self) -> Vec<String> {
        let sql = "SELECT kind || CASE WHEN resolved_at IS NULL THEN ' open' ELSE ' resolved' END FROM orders.findings";
        let rows = self.database.rows(sql).await;
        rows.into_iter().flatten().collect()
    }
}

/// Actor, status and amount of each refund.
fn refunds(order: &Value) -> Vec<(&str, &str, i64)> {
    let refunds = order["refunds"].as_array().unwrap().iter();
    let refund = |it| {
        let it: &Value = it;
        let (actor, status) = (it["actor"].as_str(), it["status"].as_str());
        let amount = it["amount"]["amountMinor"].as_i64();
        (actor.unwrap(), status.unwrap(), amount.unwrap())
    };
    refunds.map(refund).collect()
}

#[tokio::test]
async fn a_refund_in_the_dashboard_is_booked_and_the_rest_can_be_refunded() {
    let shop = reporting_shop().await;
    let order_id = shop.paid().await;
    shop.sandbox.refund_in_dashboard(&order_id, 300).await;
    let order = shop
        .shows(&order_id, "the refund is booked", |it| {
            it["payment"]["refunded"] == usd(300)
        })
        .await;
    assert_eq!(refunds(&order), [("gateway", "refunded", 300)]);
    assert_eq!(order["payment"]["refundable"], usd(700));
    assert!(order["refunds"][0]["reference"].is_string());
    assert!(shop.is_told(&order_id).await);

    let too_much = shop.refund(&order_id, &new_key(), &part(701)).await;
    too_much.assert_problem(422, "orders.refund_exceeds_captured");
    assert_eq!(too_much.body["refundable"], usd(700));
    let rest = shop.refund(&order_id, &new_key(), &all()).await;
    assert_eq!(
        (rest.status, &rest.body["amount"]),
        (201, &usd(700)),
        "{rest:?}"
    );
    assert_eq!(shop.order(&order_id).await["status"], "REFUNDED");
    shop.all_applied().await;
    let order = shop.order(&order_id).await;
    let both = [("gateway", "refunded", 300), ("oms", "refunded", 700)];
    assert_eq!(refunds(&order), both);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn without_webhooks_the_refundable_amount_is_read_at_the_gateway() {
    let shop = Shop::open().await;
    let (refunded, cancelled) = (shop.paid().await, shop.paid().await);
    for order_id in [&refunded, &cancelled] {
        shop.sandbox.refund_in_dashboard(order_id, 300).await;
    }
    let rest = shop.refund(&refunded, &new_key(), &all()).await;
    assert_eq!(
        (rest.status, &rest.body["amount"]),
        (201, &usd(700)),
        "{rest:?}"
    );
    let answer = shop.cancel(&cancelled).await;
    assert_eq!(
        (answer.status, &answer.body["status"]),
        (200, &json!("CANCELLED")),
        "{answer:?}"
    );
    for order_id in [&refunded, &cancelled] {
        assert_eq!(shop.sandbox.money(order_id).await, (1000, 1000));
    }
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_refund_that_fails_later_is_marked_as_failed() {
    let shop = reporting_shop().await;
    let order_id = shop.paid().await;
    let refunded = shop.refund(&order_id, &new_key(), &all()).await;
    let name = refunded.body["reference"].as_str().unwrap();
    let failure = json!({ "status": "failed", "failureReason": "lost_or_stolen_card" });
    shop.sandbox
        .happens(&format!("refunds/{name}/settle"), failure)
        .await;
    let order = shop
        .shows(&order_id, "the refund has failed", |it| {
            it["refunds"][0]["status"] == "failed"
        })
        .await;
    assert_eq!(order["refunds"][0]["failureCode"], "lost_or_stolen_card");
    assert_eq!(order["status"], "REFUNDED");
    assert_eq!(order["payment"]["refundable"], usd(1000));
    assert_eq!(shop.found().await, ["refund_failed open"]);
}

#[tokio::test]
async fn a_dispute_is_shown_and_blocks_refunds_until_it_is_decided() {
    let shop = reporting_shop().await;
    let order_id = shop.paid().await;
    let intent = shop.sandbox.order(&order_id).await["intents"][0]["id"].clone();
    let opened = json!({ "payment_intent": intent, "reason": "product_not_received" });
    let dispute = shop.sandbox.happens("disputes", opened).await;
    let order = shop
        .shows(&order_id, "the dispute is shown", |it| {
            it["payment"]["dispute"].is_object()
        })
        .await;
    let shown = &order["payment"]["dispute"];
    assert_eq!(shown["id"], dispute["id"]);
    assert_eq!(shown["state"], "needs_response");
    assert_eq!(shown["reason"], "product_not_received");
    assert_eq!(shown["amount"], usd(1000));
    assert!(shown["evidenceDueAt"].is_string());
    let listed = shop.get("/orders?disputed=true").await;
    assert_eq!(listed.body["items"][0]["orderId"], json!(order_id));
    assert_eq!(shop.found().await, ["payment_disputed open"]);
    let cancelled = shop.cancel(&order_id).await;
    cancelled.assert_problem(409, "orders.payment_disputed");
    assert_eq!(cancelled.body["disputeId"], dispute["id"]);
    let refund = shop.refund(&order_id, &new_key(), &all()).await;
    refund.assert_problem(409, "orders.payment_disputed");

    let path = format!("disputes/{}/settle", dispute["id"].as_str().unwrap());
    shop.sandbox
        .happens(&path, json!({ "status": "lost" }))
        .await;
    let order = shop
        .shows(&order_id, "the dispute is lost", |it| {
            it["status"] == "REFUNDED"
        })
        .await;
    assert_eq!(order["payment"]["dispute"]["state"], "lost");
    assert_eq!(refunds(&order), [("dispute", "refunded", 1000)]);
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
}
