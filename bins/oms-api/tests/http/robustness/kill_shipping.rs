//! `kill -9` of the API around each commit of a shipment, and the required state after the request is repeated.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api::{FAILPOINTS, SWEEPING, dies_at};
use crate::request::{WIDGET_A, new_key};
use crate::shop::Shop;

/// A paid order of one unit, on an API that dies at a failpoint.
struct Orphan {
    shop: Shop,
    order_id: String,
    work: String,
    on_hand: i64,
}

impl Orphan {
    async fn paid() -> Self {
        let shop = Shop::open().await;
        let order_id = shop.paid().await;
        Self {
            work: shop.fulfilment_order_of(&order_id).await,
            on_hand: on_hand(&shop).await,
            shop,
            order_id,
        }
    }

    async fn will_die_at(&mut self, place: &str) {
        self.shop.api.process.kill();
        self.shop.restart(&[(FAILPOINTS, &dies_at(place))]).await;
    }

    /// Sends a request during which the API dies, and starts another one.
    async fn dies(&mut self, path: &str, key: &str, body: &Value) {
        let request = self.shop.customer().post(path);
        let request = request.header("idempotency-key", key).json(body);
        let cut_off = request.send().await;
        assert!(cut_off.is_err(), "{cut_off:?}");
        self.shop.api.process.ended().await;
        self.shop.restart(&[SWEEPING]).await;
    }

    async fn shipped(&self) -> Answer {
        let path = format!("/fulfilment-orders/{}/shipments", self.work);
        let shipped = self.shop.post_once(&path, &new_key(), &json!({})).await;
        assert_eq!(shipped.status, 201, "{shipped:?}");
        shipped
    }

    async fn assert_status(&self, expected: &str) {
        let order = self.shop.order(&self.order_id).await;
        assert_eq!(order["fulfilmentStatus"], expected, "{order}");
        self.shop.assert_consistent().await;
    }
}

async fn on_hand(shop: &Shop) -> i64 {
    let sql = format!(
        "SELECT sum(on_hand)::bigint FROM inventory.stock_levels WHERE product_id = '{WIDGET_A}'"
    );
    shop.database.number(&sql).await
}

#[tokio::test]
async fn a_shipment_is_made_once_after_a_kill_before_or_after_its_commit() {
    for (place, repeated) in [("orders.shipping", 201), ("orders.shipped", 200)] {
        let mut orphan = Orphan::paid().await;
        orphan.will_die_at(place).await;
        let path = format!("/fulfilment-orders/{}/shipments", orphan.work);
        let key = new_key();
        orphan.dies(&path, &key, &json!({})).await;
        let again = orphan.shop.post_once(&path, &key, &json!({})).await;
        assert_eq!(again.status, repeated, "{place}: {again:?}");
        assert_eq!(on_hand(&orphan.shop).await, orphan.on_hand - 1);
        orphan.assert_status("FULFILLED").await;
    }
}

#[tokio::test]
async fn a_shipment_stays_shipped_after_a_kill_before_the_commit_of_its_cancellation() {
    let mut orphan = Orphan::paid().await;
    let shipped = orphan.shipped().await;
    orphan.will_die_at("orders.unshipped").await;
    let path = format!("/shipments/{}/cancel", shipped.body["id"].as_str().unwrap());
    let (key, body) = (new_key(), json!({ "reason": "it never left" }));
    orphan.dies(&path, &key, &body).await;
    orphan.assert_status("FULFILLED").await;
    let again = orphan.shop.post_once(&path, &key, &body).await;
    assert_eq!(again.body["status"], "CANCELLED", "{again:?}");
    assert_eq!(on_hand(&orphan.shop).await, orphan.on_hand);
    orphan.assert_status("UNFULFILLED").await;
}

#[tokio::test]
async fn a_repeated_report_delivers_a_shipment_after_a_kill_between_the_two_commits() {
    let mut orphan = Orphan::paid().await;
    let path = format!("/fulfilment-orders/{}/shipments", orphan.work);
    let body = json!({ "parcels": [{ "carrier": "UPS" }] });
    let shipped = orphan.shop.post_once(&path, &new_key(), &body).await;
    assert_eq!(shipped.status, 201, "{shipped:?}");
    orphan.will_die_at("orders.tracked").await;
    let path = format!(
        "/shipments/{}/tracking",
        shipped.body["id"].as_str().unwrap()
    );
    let report = json!({ "status": "delivered", "happenedAt": "2026-11-29T12:00:00Z" });
    orphan.dies(&path, &new_key(), &report).await;
    orphan.assert_status("FULFILLED").await;
    let again = orphan.shop.post_once(&path, &new_key(), &report).await;
    assert_eq!(again.body["status"], "DELIVERED", "{again:?}");
    orphan.assert_status("DELIVERED").await;
}
