//! `POST /orders/{id}/refunds`: its answers, and its outcome for every gateway fault.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api::Settings;
use crate::eventually::until;
use crate::giving_back::{all, of_line, part, usd};
use crate::request::{DECLINED_CARD, WIDGET_A, new_key, small_order, with};
use crate::shop::Shop;

/// Long enough for every call that is answered at all.
const IMPATIENT: Settings<'_> = &[("OMS_STRIPE_TIMEOUT_MS", "2000")];
/// For faults that cause no wait: no call may time out on a slow machine.
const PATIENT: Settings<'_> = &[];

/// Asserts a 201 with everything that belongs to it.
fn assert_refunded(answer: &Answer, order_id: &str, amount_minor: i64, order_status: &str) {
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(answer.header("idempotent-replayed").is_none());
    assert_body(answer, order_id, amount_minor, order_status);
}

/// Asserts a 200 for a refund that an earlier request made.
fn assert_replayed(answer: &Answer, order_id: &str, amount_minor: i64, order_status: &str) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("idempotent-replayed"), Some("true"));
    assert_body(answer, order_id, amount_minor, order_status);
}

fn assert_body(answer: &Answer, order_id: &str, amount_minor: i64, order_status: &str) {
    assert_eq!(answer.body["status"], "refunded", "{answer:?}");
    assert_eq!(answer.body["amount"], usd(amount_minor), "{answer:?}");
    assert_eq!(answer.body["orderStatus"], order_status, "{answer:?}");
    assert_eq!(answer.order_id(), order_id, "{answer:?}");
    assert!(answer.body["refundId"].is_string(), "{answer:?}");
    let location = format!("/orders/{order_id}");
    assert_eq!(answer.header("location"), Some(location.as_str()));
}

#[tokio::test]
async fn the_stock_is_released_only_when_all_parts_are_refunded() {
    let shop = Shop::open().await;
    let order_id = shop.paid().await;
    let body = with(part(300), "reason", json!("one was broken"));
    let first = shop.refund(&order_id, &new_key(), &body).await;
    assert_refunded(&first, &order_id, 300, "PAID");
    assert_eq!(first.body["reason"], "one was broken");
    assert_eq!(shop.sandbox.money(&order_id).await, (1000, 300));
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);
    shop.assert_consistent().await;

    let rest = shop.refund(&order_id, &new_key(), &all()).await;
    assert_refunded(&rest, &order_id, 700, "REFUNDED");
    assert_eq!(shop.sandbox.money(&order_id).await, (1000, 1000));
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    shop.assert_consistent().await;

    let order = shop.order(&order_id).await;
    assert_eq!(order["status"], "REFUNDED");
    assert_eq!(order["payment"]["captured"], usd(1000));
    assert_eq!(order["payment"]["refunded"], usd(1000));
    let listed = shop.get(&format!("/orders/{order_id}/refunds")).await;
    assert_eq!(listed.body["items"], order["refunds"]);
    let ids: Vec<&Value> = [&first, &rest].map(|it| &it.body["refundId"]).into();
    let refunds = order["refunds"].as_array().unwrap().iter();
    assert_eq!(refunds.map(|it| &it["refundId"]).collect::<Vec<_>>(), ids);
}

#[tokio::test]
async fn a_key_makes_one_refund() {
    let shop = Shop::open().await;
    let (order_id, other, key) = (shop.paid().await, shop.paid().await, new_key());
    let first = shop.refund(&order_id, &key, &part(300)).await;
    assert_refunded(&first, &order_id, 300, "PAID");
    let again = shop.refund(&order_id, &key, &part(300)).await;
    assert_replayed(&again, &order_id, 300, "PAID");
    assert_eq!(again.body["refundId"], first.body["refundId"]);

    let reasoned = with(part(300), "reason", json!("x"));
    for (order_id, body) in [
        (&order_id, part(301)),
        (&order_id, all()),
        (&order_id, reasoned),
        (&other, part(300)),
    ] {
        let reused = shop.refund(order_id, &key, &body).await;
        reused.assert_problem(422, "orders.idempotency_key_reused");
    }
    assert_eq!(shop.sandbox.refunds().await, 1);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_invalid_refund_is_refused_and_changes_nothing() {
    let shop = Shop::open().await;
    let order_id = shop.paid().await;
    let amount = |amount_minor: Value, currency: &str| json!({ "amount": { "amountMinor": amount_minor, "currency": currency } });
    for (body, field) in [
        (amount(json!(0), "USD"), "amount.amountMinor"),
        (amount(json!(-5), "USD"), "amount.amountMinor"),
        (amount(json!(1.5), "USD"), "amount.amountMinor"),
        (amount(json!("5"), "USD"), "amount.amountMinor"),
        (amount(json!(5), "usd"), "amount.currency"),
        (amount(json!(5), "EUR"), "amount.currency"),
        (json!({ "amount": { "amountMinor": 5 } }), "amount.currency"),
        (json!({ "reason": "x".repeat(501) }), "reason"),
        (json!({ "all": true }), "all"),
    ] {
        let refused = shop.refund(&order_id, &new_key(), &body).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field], "{body}");
    }
    let path = format!("/orders/{order_id}/refunds");
    let without_key = shop.customer().post(&path).json(&all());
    let refused = Answer::of(without_key.send().await.unwrap()).await;
    refused.assert_problem(400, "request.invalid_header");
    // An empty request must not refund the whole amount.
    let without_body = shop.customer().post(&path);
    let without_body = without_body.header("idempotency-key", new_key());
    let refused = Answer::of(without_body.send().await.unwrap()).await;
    refused.assert_problem(415, "request.unsupported_media_type");

    let too_much = shop.refund(&order_id, &new_key(), &part(1001)).await;
    too_much.assert_problem(422, "orders.refund_exceeds_captured");
    assert_eq!(too_much.body["availableMinor"], 1000);
    assert_eq!(shop.database.status(&order_id).await, "PAID");
    assert_eq!(shop.sandbox.calls("refund").await, 0);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn only_a_paid_order_can_be_refunded() {
    let shop = Shop::open().await;
    let declined = with(small_order(), "creditCardNumber", json!(DECLINED_CARD));
    let failed = shop.place_new(&declined).await.order_id();
    let cancelled = shop.paid().await;
    assert_eq!(shop.cancel(&cancelled).await.status, 200);
    let refunded = shop.paid().await;
    let answer = shop.refund(&refunded, &new_key(), &all()).await;
    assert_refunded(&answer, &refunded, 1000, "REFUNDED");
    let lost = json!({ "type": "error_before", "status": 502 });
    shop.sandbox.once("confirm", lost).await;
    let pending = shop.place_new(&small_order()).await.order_id();
    for (order_id, status) in [
        (failed, "FAILED"),
        (cancelled, "CANCELLED"),
        (refunded, "REFUNDED"),
        (pending, "PENDING_PAYMENT"),
    ] {
        let refused = shop.refund(&order_id, &new_key(), &part(1)).await;
        refused.assert_problem(409, "orders.not_refundable");
        assert_eq!(refused.body["orderStatus"], status);
    }
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_refused_refund_leaves_the_order_paid_and_its_key_replays_the_refusal() {
    let shop = Shop::open().await;
    let (order_id, key) = (shop.paid().await, new_key());
    // No webhook reports the dispute.
    let intent = shop.sandbox.order(&order_id).await["intents"][0]["id"].clone();
    let dispute = json!({ "payment_intent": intent });
    let dispute = shop.sandbox.happens("disputes", dispute).await;
    for _ in 0..2 {
        let refused = shop.refund(&order_id, &key, &part(700)).await;
        refused.assert_problem(422, "orders.refund_refused");
        assert_eq!(refused.body["orderStatus"], "PAID");
        assert_eq!(refused.body["failureCode"], "charge_disputed");
        assert!(refused.body["refundId"].is_string(), "{refused:?}");
    }
    assert_eq!(shop.sandbox.calls("refund").await, 1);
    assert_eq!(shop.sandbox.money(&order_id).await, (1000, 0));
    let order = shop.order(&order_id).await;
    assert_eq!(order["status"], "PAID");
    assert_eq!(order["payment"]["refunded"], usd(0));
    assert_eq!(order["refunds"][0]["status"], "failed");
    assert_eq!(order["payment"]["dispute"]["id"], dispute["id"]);
    let path = format!("disputes/{}/settle", dispute["id"].as_str().unwrap());
    let won = json!({ "status": "won" });
    shop.sandbox.happens(&path, won).await;
    let answer = shop.refund(&order_id, &new_key(), &part(600)).await;
    assert_refunded(&answer, &order_id, 600, "PAID");
}

/// Makes a refund of 300 cents while the call meets a fault.
async fn refund_under(
    settings: Settings<'_>,
    fault: Value,
    body: &Value,
) -> (Shop, String, String) {
    let shop = Shop::open_sweeping(settings).await;
    let (order_id, key) = (shop.paid().await, new_key());
    shop.sandbox.once("refund", fault).await;
    for _ in 0..2 {
        let pending = shop.refund(&order_id, &key, body).await;
        pending.assert_accepted(&order_id, "REFUNDING");
        assert_eq!(pending.body["status"], "pending");
    }
    let other = shop.refund(&order_id, &new_key(), &part(300)).await;
    other.assert_problem(409, "orders.refund_in_progress");
    assert_eq!(shop.sandbox.calls("refund").await, 1);
    shop.assert_consistent().await;
    shop.sandbox.release().await;
    (shop, order_id, key)
}

async fn ends_refunded((shop, order_id, key): (Shop, String, String), body: &Value) {
    assert_eq!(shop.settled(&order_id).await, "PAID");
    assert_eq!(shop.sandbox.money(&order_id).await, (1000, 300));
    assert_eq!(shop.sandbox.refunds().await, 1);
    let replay = shop.refund(&order_id, &key, body).await;
    assert_replayed(&replay, &order_id, 300, "PAID");
    let order = shop.order(&order_id).await;
    for (member, amount) in [("owed", 700), ("held", 700), ("balance", 0)] {
        assert_eq!(order[member], usd(amount), "{member}");
    }
    shop.assert_consistent().await;
    let series = "oms_swept_orders_total{outcome=\"refunded\"}";
    until("the metrics show it", async || {
        shop.metric(series).await.as_deref() == Some("1")
    })
    .await;
}

macro_rules! refund_faults {
    ($($name:ident: $settings:expr, $fault:tt;)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                for body in [part(300), of_line(300)] {
                    let begun = refund_under($settings, json!($fault), &body).await;
                    ends_refunded(begun, &body).await;
                }
            }
        )+
    };
}

refund_faults! {
    part_cut_off: PATIENT, { "type": "refuse" };
    part_truncated: PATIENT, { "type": "truncate" };
    part_timed_out_before_the_effect: IMPATIENT, { "type": "no_answer_before" };
    part_timed_out_after_the_effect: IMPATIENT, { "type": "no_answer_after" };
    part_500_with_effect: PATIENT, { "type": "error_after", "status": 500 };
    part_502_before_the_effect: PATIENT, { "type": "error_before", "status": 502 };
    part_502_after_the_effect: PATIENT, { "type": "error_after", "status": 502 };
    part_429: PATIENT, { "type": "error_before", "status": 429 };
}

/// Repeating a partial refund with a new key could refund it twice, so the sweeper waits until the gateway has
/// forgotten the key.
#[tokio::test]
async fn part_500_without_effect_is_replayed_until_the_gateway_forgets_the_key() {
    let lost = json!({ "type": "error_before", "status": 500 });
    let body = of_line(300);
    let (shop, order_id, key) = refund_under(PATIENT, lost, &body).await;
    shop.sweep_refunding(&order_id).await;
    assert_eq!(shop.database.status(&order_id).await, "REFUNDING");
    assert_eq!(shop.sandbox.money(&order_id).await, (1000, 0));
    shop.sandbox.expire_keys().await;
    ends_refunded((shop, order_id, key), &body).await;
}

impl Shop {
    /// Makes the sweeper look once at the only order that is being refunded.
    async fn sweep_refunding(&self, order_id: &str) {
        let before = self.metric_sum("oms_swept_orders_total").await;
        self.database.make_due().await;
        until("the sweeper has looked at the order", async || {
            self.metric_sum("oms_swept_orders_total").await > before
                || self.database.status(order_id).await != "REFUNDING"
        })
        .await;
    }
}

#[tokio::test]
async fn concurrent_partial_refunds_never_exceed_the_payment() {
    let shop = Shop::open().await;
    let order_id = shop.paid().await;
    let mut rivals = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (customer, order_id, key) = (shop.customer(), order_id.clone(), new_key());
        rivals.spawn(async move {
            loop {
                let answer = customer.refund(&order_id, &key, &part(300)).await;
                if answer.code() != "orders.refund_in_progress" {
                    return (answer.status, answer.code().to_owned());
                }
            }
        });
    }
    let mut answers = rivals.join_all().await;
    answers.sort();
    let exceeds = (422, "orders.refund_exceeds_captured".to_owned());
    assert_eq!(answers[..3], vec![(201, String::new()); 3]);
    assert_eq!(answers[3..], vec![exceeds; 5]);
    assert_eq!(shop.sandbox.money(&order_id).await, (1000, 900));
    shop.assert_consistent().await;
}
