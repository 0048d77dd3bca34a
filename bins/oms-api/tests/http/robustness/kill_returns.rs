//! `kill -9` of the API around each commit of a return, and the required state after the request is repeated.

use serde_json::{Value, json};

use crate::api::{FAILPOINTS, SWEEPING, dies_at};
use crate::request::{WIDGET_A, new_key};
use crate::shop::Shop;
use crate::stock::ATLANTA_WAREHOUSE;

/// An order of two delivered units, on an API that dies at a failpoint.
struct Orphan {
    shop: Shop,
    order_id: String,
    on_hand: i64,
}

impl Orphan {
    async fn delivered() -> Self {
        let shop = Shop::open().await;
        let (order_id, _) = shop.delivered(2).await;
        Self {
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

    /// Repeats the request, lets the sweeper settle the order, and checks that one unit came back and was refunded, once.
    async fn assert_received_once(&self, path: &str, key: &str, body: &Value, status: u16) {
        let again = self.shop.post_once(path, key, body).await;
        assert_eq!(again.status, status, "{again:?}");
        assert_eq!(again.body["status"], "CLOSED", "{again:?}");
        assert_eq!(self.shop.settled(&self.order_id).await, "PAID");
        assert_eq!(on_hand(&self.shop).await, self.on_hand + 1);
        let money = self.shop.sandbox.money(&self.order_id).await;
        assert_eq!(money, (2000, 1000));
        assert_eq!(self.shop.sandbox.refunds().await, 1);
        let credits = "SELECT count(*) FROM orders.credits";
        assert_eq!(self.shop.database.number(credits).await, 1);
        let order = self.shop.order(&self.order_id).await;
        assert_eq!(order["balance"]["amountMinor"], 0, "{order}");
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
async fn a_receipt_restocks_credits_and_refunds_once_after_a_kill_at_each_step() {
    for (place, repeated) in [
        // Before its commit.
        ("orders.receiving", 201),
        // After it, before the gateway is called.
        ("orders.received", 200),
        // With the gateway's answer in hand.
        ("orders.refund_executed", 200),
        // Before the commit that ends the refund.
        ("orders.refunded", 200),
    ] {
        let mut orphan = Orphan::delivered().await;
        let id = orphan.shop.approved_return(&orphan.order_id, 1).await;
        orphan.will_die_at(place).await;
        let path = format!("/returns/{id}/receipts");
        let lines = json!([{ "line": 1, "restock": 1 }]);
        let body = json!({ "warehouseId": ATLANTA_WAREHOUSE, "lines": lines });
        let key = new_key();
        orphan.dies(&path, &key, &body).await;
        orphan
            .assert_received_once(&path, &key, &body, repeated)
            .await;
    }
}

#[tokio::test]
async fn a_return_is_requested_once_after_a_kill_before_its_commit() {
    let mut orphan = Orphan::delivered().await;
    orphan.will_die_at("orders.return_requesting").await;
    let path = format!("/orders/{}/returns", orphan.order_id);
    let body = json!({ "lines": [{ "line": 1, "quantity": 2, "reason": "late" }] });
    let key = new_key();
    orphan.dies(&path, &key, &body).await;
    let order = orphan.shop.order(&orphan.order_id).await;
    assert_eq!(order["returnStatus"], "NONE", "{order}");
    for status in [201, 200] {
        let again = orphan.shop.post_once(&path, &key, &body).await;
        assert_eq!(again.status, status, "{again:?}");
    }
    orphan.shop.assert_consistent().await;
}

#[tokio::test]
async fn what_a_customer_may_keep_is_refunded_once_after_a_kill_at_each_step() {
    for place in ["orders.return_deciding", "orders.refund_executed"] {
        let mut orphan = Orphan::delivered().await;
        let id = orphan.shop.approved_return(&orphan.order_id, 1).await;
        orphan.will_die_at(place).await;
        let path = format!("/returns/{id}/close");
        let (key, body) = (new_key(), json!({ "refundWithoutReceipt": true }));
        orphan.dies(&path, &key, &body).await;
        let again = orphan.shop.post_once(&path, &key, &body).await;
        assert_eq!(
            (again.status, &again.body["status"]),
            (200, &json!("CLOSED"))
        );
        assert_eq!(orphan.shop.settled(&orphan.order_id).await, "PAID");
        let money = orphan.shop.sandbox.money(&orphan.order_id).await;
        assert_eq!(money, (2000, 1000), "{place}");
        assert_eq!(on_hand(&orphan.shop).await, orphan.on_hand);
        orphan.shop.assert_consistent().await;
    }
}

#[tokio::test]
async fn a_refund_of_a_return_is_made_once_after_a_kill_at_each_step() {
    for (place, repeated) in [
        ("orders.return_refunding", 201),
        ("orders.refund_executed", 202),
        ("orders.refunded", 202),
    ] {
        let mut orphan = Orphan::delivered().await;
        let id = orphan.shop.approved_return(&orphan.order_id, 1).await;
        // The bank rejects the first refund.
        let intent = orphan.shop.sandbox.order(&orphan.order_id).await["intents"][0]["id"].clone();
        let dispute = json!({ "payment_intent": intent });
        let dispute = orphan.shop.sandbox.happens("disputes", dispute).await;
        let line = json!({ "line": 1, "restock": 1 });
        let received = orphan.shop.receive(&id, &line).await;
        assert_eq!(received.status, 201, "{received:?}");
        let settle = format!("disputes/{}/settle", dispute["id"].as_str().unwrap());
        orphan
            .shop
            .sandbox
            .happens(&settle, json!({ "status": "won" }))
            .await;
        orphan.will_die_at(place).await;
        let path = format!("/returns/{id}/refund");
        let (key, body) = (new_key(), json!({ "despiteDispute": true }));
        orphan.dies(&path, &key, &body).await;
        let again = orphan.shop.post_once(&path, &key, &body).await;
        let is_done = again.status == repeated || again.status == 200;
        assert!(is_done, "{place}: {again:?}");
        assert_eq!(orphan.shop.settled(&orphan.order_id).await, "PAID");
        let again = orphan.shop.post_once(&path, &key, &body).await;
        assert_eq!(again.status, 200, "{place}: {again:?}");
        let money = orphan.shop.sandbox.money(&orphan.order_id).await;
        assert_eq!(money, (2000, 1000), "{place}");
        orphan.shop.assert_consistent().await;
    }
}
