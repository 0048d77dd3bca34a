//! `kill -9` of the API at each point of a cancellation and of a refund, and the required state after another process
//! has swept.

use std::os::unix::process::ExitStatusExt;

use serde_json::{Value, json};

use crate::api::{FAILPOINTS, SWEEPING, dies_at};
use crate::giving_back::{all, of_line, part};
use crate::request::{WIDGET_A, new_key, small_order};
use crate::shop::Shop;

/// `SIGKILL`.
const KILL: i32 = 9;

/// An order whose cancellation or refund was interrupted.
struct Orphan {
    shop: Shop,
    key: String,
    order_id: String,
}

impl Orphan {
    /// A paid order, on an API that dies at a failpoint.
    async fn paid(place: &str) -> Self {
        let mut shop = Shop::open().await;
        let order_id = shop.paid().await;
        shop.api.process.kill();
        shop.restart(&[(FAILPOINTS, &dies_at(place))]).await;
        Self {
            shop,
            key: new_key(),
            order_id,
        }
    }

    /// An order whose payment may have been captured, without an answer, on an API that dies at a failpoint.
    async fn unknown(place: &str, confirm: Value) -> Self {
        let mut shop = Shop::open().await;
        let unread = json!({ "type": "error_before", "status": 503 });
        let faults = json!([
            { "operation": "confirm", "action": confirm },
            { "operation": "retrieve", "action": unread },
        ]);
        shop.sandbox.plan(faults).await;
        let pending = shop.place_new(&small_order()).await;
        pending.assert_pending();
        shop.sandbox.release().await;
        shop.api.process.kill();
        shop.restart(&[(FAILPOINTS, &dies_at(place))]).await;
        Self {
            shop,
            key: new_key(),
            order_id: pending.order_id(),
        }
    }

    /// Sends a request during which the API dies, and checks the state of the order.
    async fn dies(mut self, path: &str, body: &Value, status: &str) -> Self {
        let request = self
            .shop
            .customer()
            .post(&format!("/orders/{}/{path}", self.order_id));
        let request = request.header("idempotency-key", &self.key).json(body);
        let cut_off = request.send().await;
        assert!(cut_off.is_err(), "{cut_off:?}");
        let exit = self.shop.api.process.ended().await;
        assert_eq!(exit.status.signal(), Some(KILL), "{exit:?}");
        assert_eq!(self.shop.database.status(&self.order_id).await, status);
        assert_eq!(self.shop.database.reserved(WIDGET_A).await, 1);
        let listed = "SELECT count(*) FROM orders.reconciliations WHERE tries = 0";
        assert_eq!(self.shop.database.number(listed).await, 1);
        self
    }

    async fn dies_cancelling(self) -> Self {
        self.dies("cancel", &json!({}), "CANCELLING").await
    }

    async fn dies_refunding(self, body: &Value) -> Self {
        self.dies("refunds", body, "REFUNDING").await
    }

    /// Restarts the API, whose sweeper settles the order.
    async fn settles(&mut self) -> String {
        self.shop.restart(&[SWEEPING]).await;
        self.shop.settled(&self.order_id).await
    }

    async fn ends_cancelled(mut self, captured: i64) {
        assert_eq!(self.settles().await, "CANCELLED");
        self.shop.assert_cancelled(&self.order_id, captured).await;
        let refunds = u64::from(captured > 0);
        assert_eq!(self.shop.sandbox.refunds().await, refunds);
    }

    async fn ends_refunded(mut self, body: &Value, amount_minor: i64, status: &str) {
        assert_eq!(self.settles().await, status);
        let money = self.shop.sandbox.money(&self.order_id).await;
        assert_eq!(money, (1000, amount_minor));
        assert_eq!(self.shop.sandbox.refunds().await, 1);
        let replay = self.shop.refund(&self.order_id, &self.key, body).await;
        assert_eq!(replay.status, 200, "{replay:?}");
        assert_eq!(replay.body["orderStatus"], status, "{replay:?}");
        self.shop.assert_consistent().await;
    }
}

#[tokio::test]
async fn a_paid_order_is_cancelled_after_a_kill_at_the_commit_of_its_cancellation() {
    let orphan = Orphan::paid("orders.cancelling")
        .await
        .dies_cancelling()
        .await;
    assert_eq!(orphan.shop.sandbox.calls("refund").await, 0);
    orphan.ends_cancelled(1000).await;
}

#[tokio::test]
async fn a_paid_order_is_cancelled_after_a_kill_at_the_start_of_its_refund() {
    let orphan = Orphan::paid("orders.cancel_refund_begun").await;
    let orphan = orphan.dies_cancelling().await;
    assert_eq!(orphan.shop.sandbox.calls("refund").await, 0);
    orphan.ends_cancelled(1000).await;
}

#[tokio::test]
async fn a_paid_order_is_refunded_once_after_a_kill_at_its_refund() {
    let orphan = Orphan::paid("orders.cancel_refunded").await;
    let orphan = orphan.dies_cancelling().await;
    assert_eq!(orphan.shop.sandbox.refunds().await, 1);
    orphan.ends_cancelled(1000).await;
}

#[tokio::test]
async fn a_paid_order_is_refunded_once_after_a_kill_before_its_final_commit() {
    let orphan = Orphan::paid("orders.cancelled").await;
    let orphan = orphan.dies_cancelling().await;
    assert_eq!(orphan.shop.sandbox.refunds().await, 1);
    orphan.ends_cancelled(1000).await;
}

fn lost() -> Value {
    json!({ "type": "error_before", "status": 502 })
}

fn taken() -> Value {
    json!({ "type": "error_after", "status": 502 })
}

#[tokio::test]
async fn an_unpaid_order_is_cancelled_after_a_kill_at_the_commit_of_its_cancellation() {
    let orphan = Orphan::unknown("orders.cancelling", lost()).await;
    orphan.dies_cancelling().await.ends_cancelled(0).await;
}

#[tokio::test]
async fn an_unpaid_order_is_cancelled_after_a_kill_at_the_cancellation_of_its_payment() {
    let orphan = Orphan::unknown("orders.cancel_settled", lost()).await;
    let orphan = orphan.dies_cancelling().await;
    let status = orphan.shop.sandbox.last_status(&orphan.order_id).await;
    assert_eq!(status, "canceled");
    orphan.ends_cancelled(0).await;
}

#[tokio::test]
async fn an_unpaid_order_is_cancelled_after_a_kill_before_its_final_commit() {
    let orphan = Orphan::unknown("orders.cancelled", lost()).await;
    orphan.dies_cancelling().await.ends_cancelled(0).await;
}

#[tokio::test]
async fn an_order_is_cancelled_after_a_kill_at_the_discovery_of_its_payment() {
    let orphan = Orphan::unknown("orders.cancel_settled", taken()).await;
    orphan.dies_cancelling().await.ends_cancelled(1000).await;
}

#[tokio::test]
async fn an_order_is_cancelled_after_a_kill_at_the_refund_of_a_discovered_payment() {
    let orphan = Orphan::unknown("orders.cancel_refund_begun", taken()).await;
    orphan.dies_cancelling().await.ends_cancelled(1000).await;
}

/// The bodies of refunds, their amounts, and the statuses of their orders.
fn refunds() -> [(Value, i64, &'static str); 3] {
    [
        (part(300), 300, "PAID"),
        (of_line(300), 300, "PAID"),
        (all(), 1000, "REFUNDED"),
    ]
}

#[tokio::test]
async fn a_refund_is_made_after_a_kill_at_its_commit() {
    for (body, amount_minor, status) in refunds() {
        let orphan = Orphan::paid("orders.refunding").await;
        let orphan = orphan.dies_refunding(&body).await;
        assert_eq!(orphan.shop.sandbox.calls("refund").await, 0);
        orphan.ends_refunded(&body, amount_minor, status).await;
    }
}

#[tokio::test]
async fn a_refund_is_made_once_after_a_kill_at_its_gateway_call() {
    for (body, amount_minor, status) in refunds() {
        let orphan = Orphan::paid("orders.refund_executed").await;
        let orphan = orphan.dies_refunding(&body).await;
        assert_eq!(orphan.shop.sandbox.refunds().await, 1);
        orphan.ends_refunded(&body, amount_minor, status).await;
    }
}

#[tokio::test]
async fn a_refund_is_made_once_after_a_kill_before_its_final_commit() {
    for (body, amount_minor, status) in refunds() {
        let orphan = Orphan::paid("orders.refunded").await;
        let orphan = orphan.dies_refunding(&body).await;
        assert_eq!(orphan.shop.sandbox.refunds().await, 1);
        orphan.ends_refunded(&body, amount_minor, status).await;
    }
}
