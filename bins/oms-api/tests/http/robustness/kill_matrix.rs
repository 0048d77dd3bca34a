//! `kill -9` of the API at each point of placing an order, and the required state after another process has swept.
//!
//! The points are those of the fault matrix in `docs/development/fault-matrix.md`. Inside its own code the program
//! kills itself (`FAILPOINTS`). Where it waits for the gateway or for the answer to a COMMIT, the gateway or the server
//! is held, and the test kills the program.

use std::os::unix::process::ExitStatusExt;

use serde_json::json;
use tokio::task::JoinHandle;

use crate::api::{FAILPOINTS, SWEEPING, dies_at};
use crate::ends::{DECLINED, End};
use crate::eventually::until;
use crate::held_commit::Change;
use crate::request::{WIDGET_A, new_key, small_order};
use crate::robustness::killed::place_until_cut_off;
use crate::shop::Shop;

/// `SIGKILL`.
const KILL: i32 = 9;

/// An order whose process died while placing it.
struct Orphan {
    shop: Shop,
    key: String,
    order_id: String,
}

/// Opens a shop whose API dies at a failpoint.
async fn open_dying_at(place: &str) -> Shop {
    Shop::open_with(&[(FAILPOINTS, &dies_at(place))]).await
}

/// Sends an order whose client will be disconnected.
fn send(shop: &Shop, key: &str) -> JoinHandle<()> {
    tokio::spawn(place_until_cut_off(shop.customer(), key.to_owned()))
}

/// Returns once the API has killed itself.
async fn assert_killed(shop: &mut Shop) {
    let exit = shop.api.process.ended().await;
    assert_eq!(exit.status.signal(), Some(KILL), "{exit:?}");
}

/// Places an order with an API that dies at a failpoint.
async fn place_and_die_at(place: &str) -> (Shop, String) {
    let mut shop = open_dying_at(place).await;
    let key = new_key();
    let cut_off = send(&shop, &key);
    assert_killed(&mut shop).await;
    cut_off.await.unwrap();
    (shop, key)
}

/// Like [`place_and_die_at`], at a failpoint where the order is committed but not settled.
async fn orphan_at(place: &str) -> Orphan {
    let (shop, key) = place_and_die_at(place).await;
    let order_id = shop.pending_order().await;
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);
    Orphan {
        shop,
        key,
        order_id,
    }
}

impl Orphan {
    /// Restarts the API, and checks that its sweeper settles the order in the given way.
    async fn ends(mut self, end: End) {
        self.shop.restart(&[SWEEPING]).await;
        self.shop.database.make_due().await;
        self.shop.ended(&self.order_id).await;
        self.shop.assert_end(&self.key, &self.order_id, end).await;
    }

    /// Restarts the API, which dies at a failpoint while it sweeps the order.
    async fn dies_sweeping_at(mut self, place: &str) -> Self {
        // Nothing is due until the test makes it due, even while the API starts.
        let settings = [SWEEPING, (FAILPOINTS, &dies_at(place))];
        self.shop.restart(&settings).await;
        self.shop.database.make_due().await;
        assert_killed(&mut self.shop).await;
        assert_eq!(
            self.shop.database.status(&self.order_id).await,
            "PENDING_PAYMENT"
        );
        assert_eq!(self.shop.database.reserved(WIDGET_A).await, 1);
        self.assert_leased().await;
        self
    }

    /// Checks that the order is leased to the dead process.
    async fn assert_leased(&self) {
        let sql = "SELECT count(*) FROM orders.reconciliations WHERE tries = 1 AND due_at > now()";
        assert_eq!(self.shop.database.number(sql).await, 1);
    }

    /// The status of the payment at the gateway.
    async fn intent_status(&self) -> String {
        self.shop.sandbox.last_status(&self.order_id).await
    }
}

/// Checks that an order that was not committed leaves no trace, and that its key can place one.
async fn leaves_no_trace(place: &str) {
    let (mut shop, key) = place_and_die_at(place).await;
    assert_eq!(shop.database.orders().await, 0);
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    assert_eq!(shop.sandbox.calls("create").await, 0);
    shop.restart(&[]).await;
    shop.assert_consistent().await;
    shop.place(&key, &small_order()).await.assert_created();
    shop.assert_consistent().await;
}

#[tokio::test]
async fn p0_an_order_leaves_no_trace_after_a_kill_before_its_transaction() {
    leaves_no_trace("orders.located").await;
}

#[tokio::test]
async fn p1_an_order_leaves_no_trace_after_a_kill_that_holds_its_locks() {
    leaves_no_trace("orders.locked").await;
}

#[tokio::test]
async fn p2_an_order_exists_and_fails_after_a_kill_during_its_commit() {
    let mut shop = Shop::open().await;
    shop.database.hold_commit(Change::Insert).await;
    let key = new_key();
    let cut_off = send(&shop, &key);
    shop.database.commit_held().await;
    assert_eq!(shop.database.orders().await, 0);
    shop.api.process.kill();
    cut_off.await.unwrap();
    shop.database.let_commit_go().await;

    let order_id = shop.pending_order().await;
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);
    assert_eq!(shop.sandbox.calls("create").await, 0);
    let orphan = Orphan {
        shop,
        key,
        order_id,
    };
    orphan.ends(End::Fenced).await;
}

#[tokio::test]
async fn p3_an_order_fails_after_a_kill_before_the_gateway_is_called() {
    let orphan = orphan_at("orders.placed").await;
    assert_eq!(orphan.shop.sandbox.calls("create").await, 0);
    orphan.ends(End::Fenced).await;
}

#[tokio::test]
async fn p4_an_order_fails_after_a_kill_before_its_confirmation_is_sent() {
    let orphan = orphan_at("payments.prepared").await;
    assert_eq!(orphan.intent_status().await, "requires_payment_method");
    assert_eq!(orphan.shop.sandbox.calls("confirm").await, 0);
    orphan.ends(End::Fenced).await;
}

#[tokio::test]
async fn p5_an_order_is_paid_after_a_kill_while_it_waits_for_the_gateway() {
    let mut shop = Shop::open().await;
    shop.sandbox
        .once("confirm", json!({ "type": "no_answer_after" }))
        .await;
    let key = new_key();
    let cut_off = send(&shop, &key);
    until("the payment is captured", async || {
        shop.sandbox.charges().await == 1
    })
    .await;
    let order_id = shop.pending_order().await;
    shop.api.process.kill();
    cut_off.await.unwrap();
    let orphan = Orphan {
        shop,
        key,
        order_id,
    };
    orphan.ends(End::Paid).await;
}

#[tokio::test]
async fn p6_an_order_is_paid_after_a_kill_that_follows_the_gateway_s_answer() {
    let orphan = orphan_at("orders.collected").await;
    assert_eq!(orphan.intent_status().await, "succeeded");
    orphan.ends(End::Paid).await;
}

#[tokio::test]
async fn p6_an_order_fails_after_a_kill_that_follows_a_decline() {
    let mut shop = open_dying_at("orders.collected").await;
    let declined =
        json!({ "type": "decline", "code": "card_declined", "declineCode": "lost_card" });
    shop.sandbox.once("confirm", declined).await;
    let key = new_key();
    let cut_off = send(&shop, &key);
    assert_killed(&mut shop).await;
    cut_off.await.unwrap();
    let order_id = shop.pending_order().await;
    let orphan = Orphan {
        shop,
        key,
        order_id,
    };
    orphan.ends(DECLINED).await;
}

#[tokio::test]
async fn p7_an_order_is_paid_after_a_kill_during_its_final_commit() {
    let mut shop = Shop::open().await;
    shop.database.hold_commit(Change::Update).await;
    let key = new_key();
    let cut_off = send(&shop, &key);
    shop.database.commit_held().await;
    let order_id = shop.pending_order().await;
    shop.api.process.kill();
    cut_off.await.unwrap();
    shop.database.let_commit_go().await;

    // Nothing is left to sweep.
    assert_eq!(shop.database.status(&order_id).await, "PAID");
    shop.restart(&[SWEEPING]).await;
    shop.assert_end(&key, &order_id, End::Paid).await;
    assert_eq!(shop.sandbox.calls("retrieve").await, 0);
}

#[tokio::test]
async fn p8_an_order_is_paid_and_replayed_after_a_kill_before_its_answer() {
    let (mut shop, key) = place_and_die_at("orders.ended").await;
    let rows = shop.database.rows("SELECT id FROM orders.orders").await;
    let order_id = &rows[0][0];
    assert_eq!(shop.database.status(order_id).await, "PAID");
    shop.restart(&[SWEEPING]).await;
    shop.assert_end(&key, order_id, End::Paid).await;
    assert_eq!(shop.sandbox.calls("retrieve").await, 0);
}

#[tokio::test]
async fn p9_a_sweeper_killed_after_its_claim_leaves_a_paid_order_to_another() {
    let orphan = orphan_at("orders.collected").await;
    let orphan = orphan.dies_sweeping_at("orders.claimed").await;
    assert_eq!(orphan.shop.sandbox.calls("retrieve").await, 0);
    orphan.ends(End::Paid).await;
}

#[tokio::test]
async fn p9_a_sweeper_killed_after_its_claim_leaves_an_unpaid_order_to_another() {
    let orphan = orphan_at("payments.prepared").await;
    let orphan = orphan.dies_sweeping_at("orders.claimed").await;
    assert_eq!(orphan.shop.sandbox.calls("cancel").await, 0);
    orphan.ends(End::Fenced).await;
}

#[tokio::test]
async fn p9_a_sweeper_killed_after_the_gateway_s_answer_leaves_a_paid_order_to_another() {
    let orphan = orphan_at("orders.collected").await;
    let orphan = orphan.dies_sweeping_at("orders.settled").await;
    assert_eq!(orphan.shop.sandbox.calls("retrieve").await, 1);
    orphan.ends(End::Paid).await;
}

#[tokio::test]
async fn p9_a_sweeper_killed_after_the_cancellation_leaves_the_release_of_the_stock_to_another() {
    let orphan = orphan_at("payments.prepared").await;
    let orphan = orphan.dies_sweeping_at("orders.settled").await;
    assert_eq!(orphan.intent_status().await, "canceled");
    orphan.ends(End::Fenced).await;
}

#[tokio::test]
async fn p9_a_sweeper_killed_after_cancelling_an_unprepared_payment_leaves_the_rest_to_another() {
    let orphan = orphan_at("orders.placed").await;
    let orphan = orphan.dies_sweeping_at("orders.settled").await;
    assert_eq!(orphan.intent_status().await, "canceled");
    assert_eq!(orphan.shop.sandbox.calls("create").await, 1);
    orphan.ends(End::Fenced).await;
}

#[tokio::test]
async fn p9_a_sweeper_killed_during_the_final_commit_has_ended_the_order() {
    let mut orphan = orphan_at("payments.prepared").await;
    let shop = &mut orphan.shop;
    shop.restart(&[SWEEPING]).await;
    shop.database.hold_commit(Change::Update).await;
    shop.database.make_due().await;
    shop.database.commit_held().await;
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);
    shop.api.process.kill();
    shop.database.let_commit_go().await;

    assert_eq!(shop.database.status(&orphan.order_id).await, "FAILED");
    shop.restart(&[SWEEPING]).await;
    shop.assert_end(&orphan.key, &orphan.order_id, End::Fenced)
        .await;
}
