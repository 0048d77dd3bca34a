//! Payments that wait for the customer, the bank or an operator. Their stock is held meanwhile.

use serde_json::{Value, json};

use super::PATIENT;
use crate::ends::{DECLINED, End, PRICE};
use crate::eventually::until;
use crate::invariants::assert_invariants;
use crate::request::{WIDGET_A, new_key, small_order, with};
use crate::shop::Shop;

/// A card that requires authentication by the customer.
const AUTHENTICATING_CARD: &str = "4000002760003184";
/// A bank that processes payments slowly.
const SLOW_BANK: &str = "pm_usBankAccount_processing";

fn authenticating() -> Value {
    with(
        small_order(),
        "creditCardNumber",
        json!(AUTHENTICATING_CARD),
    )
}

fn paid_by_a_slow_bank() -> Value {
    let without_card = with(small_order(), "creditCardNumber", Value::Null);
    with(without_card, "paymentMethod", json!(SLOW_BANK))
}

/// An order that waits.
struct Held {
    shop: Shop,
    key: String,
    body: Value,
    order_id: String,
}

impl Held {
    async fn place(body: Value) -> Self {
        let shop = Shop::open_sweeping_on_demand(PATIENT).await;
        let key = new_key();
        let pending = shop.place(&key, &body).await;
        pending.assert_pending();
        let order_id = pending.order_id();
        Self {
            shop,
            key,
            body,
            order_id,
        }
    }

    /// Runs the sweeper once, after which the order still waits.
    async fn is_still_held(&self) {
        self.shop.sweep_once(&self.order_id).await;
        assert!(self.shop.is_open(&self.order_id).await);
        assert_eq!(self.shop.database.reserved(WIDGET_A).await, 1);
        let again = self.shop.place(&self.key, &self.body).await;
        // A waiting customer is shown the required action again.
        match self.intent().await["status"].as_str() {
            Some("requires_action") => again.assert_pending(),
            _ => again.assert_in_progress(),
        }
    }

    async fn intent(&self) -> Value {
        self.shop.sandbox.order(&self.order_id).await["intents"][0].clone()
    }

    /// Checks the status of the payment at the gateway.
    async fn assert_intent(&self, status: &str) {
        assert_eq!(self.intent().await["status"], status);
    }

    /// The customer or the bank decides.
    async fn settle(&self, outcome: &str) {
        let id = self.intent().await["id"].as_str().unwrap().to_owned();
        self.shop.sandbox.settle(&id, outcome).await;
    }

    /// Checks that the next attempt of the sweeper ends the order like this.
    async fn ends(self, end: End) {
        let most = self.shop.database.tries(&self.order_id).await + 1;
        self.shop.sweep_within(&self.order_id, most).await;
        self.shop.assert_within_budget().await;
        self.shop.assert_calls_kept(&self.order_id).await;
        let (shop, order_id) = (&self.shop, &self.order_id);
        shop.assert_end_of(&self.body, &self.key, order_id, end)
            .await;
    }
}

#[tokio::test]
async fn the_sweeper_waits_for_a_customer_until_the_deadline() {
    let held = Held::place(authenticating()).await;
    held.assert_intent("requires_action").await;
    held.is_still_held().await;
    held.shop.database.pass_an_hour().await;
    held.ends(End::Fenced).await;
}

#[tokio::test]
async fn a_customer_who_acts_in_time_has_paid() {
    let held = Held::place(authenticating()).await;
    held.is_still_held().await;
    held.settle("succeeded").await;
    held.ends(End::Paid).await;
}

#[tokio::test]
async fn a_customer_whose_bank_finally_refuses_has_not_paid() {
    let held = Held::place(authenticating()).await;
    held.is_still_held().await;
    held.settle("failed").await;
    held.ends(DECLINED).await;
}

#[tokio::test]
async fn the_sweeper_waits_an_hour_for_a_bank_that_then_pays() {
    let held = Held::place(paid_by_a_slow_bank()).await;
    held.assert_intent("processing").await;
    held.is_still_held().await;
    held.shop.database.pass_an_hour().await;
    held.is_still_held().await;
    held.assert_intent("processing").await;
    held.settle("succeeded").await;
    held.ends(End::Paid).await;
}

#[tokio::test]
async fn the_sweeper_waits_an_hour_for_a_bank_that_then_refuses() {
    let held = Held::place(paid_by_a_slow_bank()).await;
    held.is_still_held().await;
    held.shop.database.pass_an_hour().await;
    held.is_still_held().await;
    held.settle("failed").await;
    held.ends(DECLINED).await;
}

/// Checks that the sweeper's first attempt leaves an order with a wrong amount to an operator, with one alert. No
/// program decides anything else about it: stock and money stay unchanged.
async fn assert_left_to_a_person(shop: &Shop, order_id: &str, captured: u64) {
    assert_eq!(shop.database.dead_letters().await, 0);
    shop.database.make_due().await;
    until("its alert is delivered", async || {
        let sql = "SELECT count(*) FROM events.records r
                   JOIN events.segments g ON g.tenant_id = r.tenant_id AND r.id = ANY (g.subject_ids)
                   JOIN events.sinks s ON s.tenant_id = r.tenant_id AND s.position >= g.last_position
                   WHERE r.type = 'dead_letter.opened' AND s.sink = 'alert_log'";
        shop.database.number(sql).await == 1
    })
    .await;
    let sql = "SELECT order_id, tries, resolved_at IS NULL, reason FROM orders.dead_letters";
    let left = shop.database.rows(sql).await;
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0][..3], [order_id, "1", "t"]);
    assert!(left[0][3].contains(&format!("{captured} USD")), "{left:?}");

    assert!(shop.is_open(order_id).await);
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);
    assert_eq!(shop.sandbox.charged(order_id).await, (1, captured));
    shop.assert_within_budget().await;
    shop.assert_calls_kept(order_id).await;
    assert_eq!(shop.sandbox.order(order_id).await["calls"]["cancel"], 0);
    assert_invariants(&shop.database).await;
}

#[tokio::test]
async fn a_wrong_amount_in_the_answer_to_the_confirmation_is_held() {
    let shop = Shop::open_sweeping_on_demand(PATIENT).await;
    shop.sandbox.hold("confirm").await;
    let customer = shop.customer();
    let placing = tokio::spawn(async move { customer.place(&new_key(), &small_order()).await });
    shop.sandbox.called("confirm", 1).await;
    let order_id = shop.pending_order().await;
    shop.sandbox
        .tamper(&order_id, json!({ "amount": PRICE - 1 }))
        .await;
    shop.sandbox.release().await;
    placing.await.unwrap().assert_pending();

    assert_left_to_a_person(&shop, &order_id, PRICE - 1).await;
}

/// The sweeper finds that the received amount differs from the order's total.
async fn sweeper_finds(received: u64) {
    let shop = Shop::open_sweeping_on_demand(PATIENT).await;
    shop.sandbox
        .plan(json!([
            { "operation": "confirm", "action": { "type": "error_after", "status": 502 } },
            { "operation": "retrieve", "action": { "type": "error_before", "status": 503 } },
        ]))
        .await;
    let pending = shop.place_new(&small_order()).await;
    pending.assert_pending();
    let order_id = pending.order_id();
    until("the payment is captured", async || {
        shop.sandbox.charges().await == 1
    })
    .await;
    let tampered = json!({ "amountReceived": received });
    shop.sandbox.tamper(&order_id, tampered).await;
    assert_left_to_a_person(&shop, &order_id, received).await;
}

#[tokio::test]
async fn a_wrong_amount_found_by_the_sweeper_is_held() {
    for wrong in [PRICE - 1, PRICE + 1] {
        sweeper_finds(wrong).await;
    }
}
