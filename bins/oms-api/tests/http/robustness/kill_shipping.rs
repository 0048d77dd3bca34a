//! `kill -9` of the API around each commit of a shipment, and the required state after the request is repeated.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api::{FAILPOINTS, SWEEPING, dies_at};
use crate::request::{WIDGET_A, new_key, small_order};
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
        Self::of(shop, order_id).await
    }

    /// Like [`paid`](Self::paid), of several units.
    async fn paid_for(units: i64) -> Self {
        let shop = Shop::open().await;
        let mut order = small_order();
        order["items"][0]["quantity"] = json!(units);
        let placed = shop.place_new(&order).await;
        placed.assert_created();
        let order_id = placed.order_id();
        Self::of(shop, order_id).await
    }

    async fn of(shop: Shop, order_id: String) -> Self {
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

    /// A shipment that is packed.
    async fn packed(&self) -> String {
        let path = format!("/fulfilment-orders/{}/shipments", self.work);
        let body = json!({ "status": "PACKED" });
        let packed = self.shop.post_once(&path, &new_key(), &body).await;
        assert_eq!(packed.status, 201, "{packed:?}");
        packed.body["id"].as_str().unwrap().to_owned()
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
async fn a_shipment_is_packed_once_after_a_kill_before_or_after_its_commit() {
    for (place, repeated) in [("orders.packing", 201), ("orders.packed", 200)] {
        let mut orphan = Orphan::paid().await;
        orphan.will_die_at(place).await;
        let path = format!("/fulfilment-orders/{}/shipments", orphan.work);
        let (key, body) = (new_key(), json!({ "status": "PACKED" }));
        orphan.dies(&path, &key, &body).await;
        let again = orphan.shop.post_once(&path, &key, &body).await;
        assert_eq!(again.status, repeated, "{place}: {again:?}");
        assert_eq!(again.body["number"], 1, "{again:?}");
        assert_eq!(on_hand(&orphan.shop).await, orphan.on_hand);
        orphan.assert_status("UNFULFILLED").await;
    }
}

#[tokio::test]
async fn a_packed_shipment_is_sent_and_delivered_once_after_a_kill_before_or_after_each_commit() {
    for place in ["orders.shipping", "orders.shipped"] {
        let mut orphan = Orphan::paid().await;
        let id = orphan.packed().await;
        for (action, status, left) in [
            ("ship", "SHIPPED", "FULFILLED"),
            ("deliver", "DELIVERED", "DELIVERED"),
        ] {
            orphan.will_die_at(place).await;
            let path = format!("/shipments/{id}/{action}");
            let key = new_key();
            orphan.dies(&path, &key, &json!({})).await;
            let again = orphan.shop.post_once(&path, &key, &json!({})).await;
            assert_eq!(again.body["status"], status, "{place}: {again:?}");
            assert_eq!(on_hand(&orphan.shop).await, orphan.on_hand - 1);
            orphan.assert_status(left).await;
        }
    }
}

#[tokio::test]
async fn a_shipment_is_cancelled_once_after_a_kill_before_or_after_its_commit() {
    for (place, left) in [
        ("orders.unshipped", "FULFILLED"),
        ("orders.shipment_cancelled", "UNFULFILLED"),
    ] {
        let mut orphan = Orphan::paid().await;
        let shipped = orphan.shipped().await;
        orphan.will_die_at(place).await;
        let path = format!("/shipments/{}/cancel", shipped.body["id"].as_str().unwrap());
        let (key, body) = (new_key(), json!({ "reason": "it never left" }));
        orphan.dies(&path, &key, &body).await;
        orphan.assert_status(left).await;
        let again = orphan.shop.post_once(&path, &key, &body).await;
        assert_eq!(again.body["status"], "CANCELLED", "{again:?}");
        assert_eq!(on_hand(&orphan.shop).await, orphan.on_hand);
        orphan.assert_status("UNFULFILLED").await;
    }
}

#[tokio::test]
async fn what_is_not_sent_is_refunded_once_after_a_kill_between_its_freezing_and_its_refund() {
    let mut orphan = Orphan::paid_for(2).await;
    let path = format!("/fulfilment-orders/{}/shipments", orphan.work);
    let one = json!({ "lines": [{ "line": 1, "quantity": 1 }] });
    let shipped = orphan.shop.post_once(&path, &new_key(), &one).await;
    assert_eq!(shipped.status, 201, "{shipped:?}");
    orphan.will_die_at("orders.unshipped_refunding").await;
    let cancel = format!("/orders/{}/cancel", orphan.order_id);
    let (key, body) = (new_key(), json!({ "scope": "unshipped" }));
    orphan.dies(&cancel, &key, &body).await;
    assert_eq!(orphan.shop.settled(&orphan.order_id).await, "PAID");
    assert_eq!(
        orphan.shop.sandbox.money(&orphan.order_id).await,
        (2000, 1000)
    );
    assert_eq!(orphan.shop.sandbox.refunds().await, 1);
    orphan.assert_status("FULFILLED").await;
    let again = orphan.shop.post_once(&cancel, &key, &body).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(orphan.shop.sandbox.refunds().await, 1);
    assert_eq!(on_hand(&orphan.shop).await, orphan.on_hand - 1);
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
    let report = json!({ "status": "delivered", "happenedAt": shipped.body["createdAt"] });
    orphan.dies(&path, &new_key(), &report).await;
    orphan.assert_status("FULFILLED").await;
    let again = orphan.shop.post_once(&path, &new_key(), &report).await;
    assert_eq!(again.body["status"], "DELIVERED", "{again:?}");
    orphan.assert_status("DELIVERED").await;
}
