//! `kill -9` of the API at each point of an order's way, and what has to be true once another process has swept.
//!
//! The points are those of the fault matrix in `docs/development/fault-matrix.md`. Where the program is inside its own code it kills itself
//! (`FAILPOINTS`); where it waits for the gateway or for the answer to a COMMIT, the gateway or the server is held, and
//! the test kills it.

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

/// An order whose process died on its way.
struct Orphan {
    shop: Shop,
    key: String,
    order_id: String,
}

/// Opens a store whose API dies at a place.
async fn open_dying_at(place: &str) -> Shop {
    Shop::open_with(&[(FAILPOINTS, &dies_at(place))]).await
}

/// Sends an order from somebody who is cut off sooner or later.
fn send(shop: &Shop, key: &str) -> JoinHandle<()> {
    tokio::spawn(place_until_cut_off(shop.customer(), key.to_owned()))
}

/// Returns once the API has killed itself.
async fn assert_killed(shop: &mut Shop) {
    let exit = shop.api.process.ended().await;
    assert_eq!(exit.status.signal(), Some(KILL), "{exit:?}");
}

/// Places an order with an API that dies at a place.
async fn place_and_die_at(place: &str) -> (Shop, String) {
    let mut shop = open_dying_at(place).await;
    let key = new_key();
    let cut_off = send(&shop, &key);
    assert_killed(&mut shop).await;
    cut_off.await.unwrap();
    (shop, key)
}

/// The same, at a place where the order is committed and not ended.
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
    /// Starts the API again, whose sweeper ends the order like this.
    async fn ends(mut self, end: End) {
        self.shop.restart(&[SWEEPING]).await;
        self.shop.database.make_due().await;
        self.shop.ended(&self.order_id).await;
        self.shop.assert_end(&self.key, &self.order_id, end).await;
    }

    /// Starts the API again, which dies at a place while it sweeps the order.
    async fn dies_sweeping_at(mut self, place: &str) -> Self {
        // Nothing is due before the test says so: not while the API starts.
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

    /// The order is the dead process's until its lease is over.
    async fn assert_leased(&self) {
        let sql = "SELECT count(*) FROM orders.reconciliations WHERE tries = 1 AND due_at > now()";
        assert_eq!(self.shop.database.number(sql).await, 1);
    }

    /// What the gateway says of the payment.
    async fn intent_status(&self) -> String {
        self.shop.sandbox.last_status(&self.order_id).await
    }
}

/// Nothing is left of an order that was not committed, and its key places one.
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
async fn p0_killed_before_its_transaction_an_order_leaves_no_trace() {
    leaves_no_trace("orders.located").await;
}

#[tokio::test]
async fn p1_killed_with_its_locks_held_an_order_leaves_no_trace() {
    leaves_no_trace("orders.locked").await;
}

#[tokio::test]
async fn p2_killed_while_its_placing_is_committed_an_order_is_there_and_fails() {
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
async fn p3_killed_before_the_gateway_is_called_an_order_fails() {
    let orphan = orphan_at("orders.placed").await;
    assert_eq!(orphan.shop.sandbox.calls("create").await, 0);
    orphan.ends(End::Fenced).await;
}

#[tokio::test]
async fn p4_killed_before_its_confirmation_is_sent_an_order_fails() {
    let orphan = orphan_at("payments.prepared").await;
    assert_eq!(orphan.intent_status().await, "requires_payment_method");
    assert_eq!(orphan.shop.sandbox.calls("confirm").await, 0);
    orphan.ends(End::Fenced).await;
}

#[tokio::test]
async fn p5_killed_while_the_gateway_s_answer_is_on_its_way_an_order_is_paid() {
    let mut shop = Shop::open().await;
    shop.sandbox
        .once("confirm", json!({ "type": "no_answer_after" }))
        .await;
    let key = new_key();
    let cut_off = send(&shop, &key);
    until("the money is taken", async || {
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
async fn p6_killed_with_the_gateway_s_answer_in_hand_an_order_is_paid() {
    let orphan = orphan_at("orders.collected").await;
    assert_eq!(orphan.intent_status().await, "succeeded");
    orphan.ends(End::Paid).await;
}

#[tokio::test]
async fn p6_killed_with_a_decline_in_hand_an_order_fails() {
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
async fn p7_killed_while_its_end_is_committed_an_order_is_paid() {
    let mut shop = Shop::open().await;
    shop.database.hold_commit(Change::Update).await;
    let key = new_key();
    let cut_off = send(&shop, &key);
    shop.database.commit_held().await;
    let order_id = shop.pending_order().await;
    shop.api.process.kill();
    cut_off.await.unwrap();
    shop.database.let_commit_go().await;

    // There is nothing left to sweep.
    assert_eq!(shop.database.status(&order_id).await, "PAID");
    shop.restart(&[SWEEPING]).await;
    shop.assert_end(&key, &order_id, End::Paid).await;
    assert_eq!(shop.sandbox.calls("retrieve").await, 0);
}

#[tokio::test]
async fn p8_killed_before_its_client_is_answered_an_order_is_paid_and_its_key_says_so() {
    let (mut shop, key) = place_and_die_at("orders.ended").await;
    let rows = shop.database.rows("SELECT id FROM orders.orders").await;
    let order_id = &rows[0][0];
    assert_eq!(shop.database.status(order_id).await, "PAID");
    shop.restart(&[SWEEPING]).await;
    shop.assert_end(&key, order_id, End::Paid).await;
    assert_eq!(shop.sandbox.calls("retrieve").await, 0);
}

#[tokio::test]
async fn p9_killed_after_its_claim_a_sweeper_leaves_a_paid_order_to_another() {
    let orphan = orphan_at("orders.collected").await;
    let orphan = orphan.dies_sweeping_at("orders.claimed").await;
    assert_eq!(orphan.shop.sandbox.calls("retrieve").await, 0);
    orphan.ends(End::Paid).await;
}

#[tokio::test]
async fn p9_killed_after_its_claim_a_sweeper_leaves_an_unpaid_order_to_another() {
    let orphan = orphan_at("payments.prepared").await;
    let orphan = orphan.dies_sweeping_at("orders.claimed").await;
    assert_eq!(orphan.shop.sandbox.calls("cancel").await, 0);
    orphan.ends(End::Fenced).await;
}

#[tokio::test]
async fn p9_killed_after_the_gateway_s_answer_a_sweeper_leaves_a_paid_order_to_another() {
    let orphan = orphan_at("orders.collected").await;
    let orphan = orphan.dies_sweeping_at("orders.settled").await;
    assert_eq!(orphan.shop.sandbox.calls("retrieve").await, 1);
    orphan.ends(End::Paid).await;
}

#[tokio::test]
async fn p9_killed_after_the_fence_a_sweeper_leaves_the_release_of_the_stock_to_another() {
    let orphan = orphan_at("payments.prepared").await;
    let orphan = orphan.dies_sweeping_at("orders.settled").await;
    assert_eq!(orphan.intent_status().await, "canceled");
    orphan.ends(End::Fenced).await;
}

#[tokio::test]
async fn p9_killed_after_it_fenced_what_was_never_prepared_a_sweeper_leaves_the_rest_to_another() {
    let orphan = orphan_at("orders.placed").await;
    let orphan = orphan.dies_sweeping_at("orders.settled").await;
    assert_eq!(orphan.intent_status().await, "canceled");
    assert_eq!(orphan.shop.sandbox.calls("create").await, 1);
    orphan.ends(End::Fenced).await;
}

#[tokio::test]
async fn p9_killed_while_the_end_is_committed_a_sweeper_has_ended_the_order() {
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
