//! `POST /orders/{id}/cancel`: its answers, and its outcome for every gateway fault.

use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api::Settings;
use crate::ends::PRICE;
use crate::eventually::until;
use crate::giving_back::{all, part};
use crate::request::{DECLINED_CARD, WIDGET_A, new_key, small_order, with};
use crate::shop::Shop;

/// The price of a small order.
const TOTAL: i64 = PRICE.cast_signed();

/// Long enough for every call that is answered at all.
const IMPATIENT: Settings<'_> = &[("OMS_STRIPE_TIMEOUT_MS", "2000")];
/// For faults that cause no wait: no call may time out on a slow machine.
const PATIENT: Settings<'_> = &[];

async fn cancel_with(shop: &Shop, order_id: &str, body: &Value) -> Answer {
    let request = shop.customer().post(&format!("/orders/{order_id}/cancel"));
    Answer::of(request.json(body).send().await.unwrap()).await
}

#[tokio::test]
async fn a_paid_order_is_refunded_before_its_stock_is_released() {
    let shop = Shop::open().await;
    let key = new_key();
    let order_id = shop.place(&key, &small_order()).await.order_id();
    let reason = json!({ "reason": "changed my mind" });
    let cancelled = cancel_with(&shop, &order_id, &reason).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    assert_eq!(
        cancelled.header("location"),
        Some(format!("/orders/{order_id}").as_str())
    );
    let order = &cancelled.body;
    assert_eq!(order["status"], "CANCELLED");
    assert_eq!(order["payment"]["state"], "refunded");
    assert_eq!(order["payment"]["captured"]["amountMinor"], PRICE);
    assert_eq!(order["payment"]["refunded"]["amountMinor"], PRICE);
    let refund = &order["refunds"][0];
    assert_eq!(refund["status"], "refunded");
    assert_eq!(refund["amount"]["amountMinor"], PRICE);
    assert_eq!(*order, shop.order(&order_id).await);
    let said = "SELECT actor, reason FROM orders.events WHERE to_status = 'CANCELLING' AND from_status <> to_status";
    assert_eq!(
        shop.database.rows(said).await,
        [["api:local", "changed my mind"]]
    );
    shop.assert_cancelled(&order_id, TOTAL).await;
    assert_eq!(shop.sandbox.refunds().await, 1);
    let replay = shop.place(&key, &small_order()).await;
    replay.assert_problem(409, "orders.cancelled");
}

#[tokio::test]
async fn a_cancellation_repeated_with_its_key_gets_the_same_answer() {
    let shop = Shop::open().await;
    let order_id = shop.paid().await;
    let key = new_key();
    let cancel = async |order_id: &str, body: Value| {
        let request = shop.customer().post(&format!("/orders/{order_id}/cancel"));
        let request = request.header("idempotency-key", &key).json(&body);
        Answer::of(request.send().await.unwrap()).await
    };
    let reason = json!({ "reason": "changed my mind" });
    let cancelled = cancel(&order_id, reason.clone()).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    assert_eq!(cancelled.header("idempotent-replayed"), None);
    let repeated = cancel(&order_id, reason.clone()).await;
    assert_eq!(repeated.header("idempotent-replayed"), Some("true"));
    assert_eq!((repeated.status, &repeated.body), (200, &cancelled.body));
    for reused in [
        cancel(&order_id, json!({})).await,
        cancel(&new_key(), reason).await,
    ] {
        reused.assert_problem(422, "orders.idempotency_key_reused");
    }
    shop.assert_cancelled(&order_id, TOTAL).await;
}

#[tokio::test]
async fn a_body_is_optional_but_validated() {
    let shop = Shop::open().await;
    let order_id = shop.paid().await;
    for body in [
        json!({ "reason": "x".repeat(501) }),
        json!({ "reason": 1 }),
        json!({ "because": "x" }),
        json!([]),
    ] {
        let refused = cancel_with(&shop, &order_id, &body).await;
        refused.assert_problem(400, "request.invalid");
    }
    let text = shop.customer().post(&format!("/orders/{order_id}/cancel"));
    let refused = Answer::of(text.body("because").send().await.unwrap()).await;
    refused.assert_problem(415, "request.unsupported_media_type");
    let path = format!("/orders/{order_id}/cancel");
    let refused = shop.get(&path).await;
    refused.assert_problem(405, "request.method_not_allowed");
    assert_eq!(shop.database.status(&order_id).await, "PAID");

    let empty = cancel_with(&shop, &order_id, &json!({})).await;
    assert_eq!(empty.status, 200, "{empty:?}");
    shop.assert_cancelled(&order_id, TOTAL).await;
}

#[tokio::test]
async fn a_lost_payment_is_cancelled_before_the_stock_is_released() {
    let shop = Shop::open().await;
    let lost = json!({ "type": "error_before", "status": 500 });
    shop.sandbox.once("confirm", lost).await;
    let pending = shop.place_new(&small_order()).await;
    pending.assert_pending();
    let order_id = pending.order_id();
    let cancelled = shop.cancel(&order_id).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    assert_eq!(cancelled.body["payment"]["state"], "voided");
    assert_eq!(shop.sandbox.last_status(&order_id).await, "canceled");
    shop.assert_cancelled(&order_id, 0).await;
}

#[tokio::test]
async fn a_captured_payment_is_refunded() {
    let shop = Shop::open().await;
    let unanswered = json!([
        { "operation": "confirm", "action": { "type": "error_after", "status": 502 } },
        { "operation": "retrieve", "action": { "type": "error_before", "status": 503 } },
    ]);
    shop.sandbox.plan(unanswered).await;
    let pending = shop.place_new(&small_order()).await;
    pending.assert_pending();
    let order_id = pending.order_id();
    let cancelled = shop.cancel(&order_id).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    shop.assert_cancelled(&order_id, TOTAL).await;
}

#[tokio::test]
async fn a_confirmation_after_the_cancellation_is_refused_and_reported_to_its_client() {
    let shop = Shop::open().await;
    shop.sandbox.hold("confirm").await;
    let (customer, key) = (shop.customer(), new_key());
    let placing = tokio::spawn({
        let key = key.clone();
        async move { customer.place(&key, &small_order()).await }
    });
    shop.sandbox.called("confirm", 1).await;
    let order_id = shop.pending_order().await;
    let cancelled = shop.cancel(&order_id).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    shop.sandbox.release().await;
    let placed = placing.await.unwrap();
    placed.assert_problem(409, "orders.cancelled");
    assert_eq!(placed.order_id(), order_id);
    shop.assert_cancelled(&order_id, 0).await;
}

/// The gateway executes the confirmation, but the cancellation looks the payment up before the answer arrives.
#[tokio::test]
async fn a_confirmation_before_the_cancellation_is_refunded_and_reported_to_its_client() {
    let shop = Shop::open().await;
    shop.sandbox
        .once("confirm", json!({ "type": "drip", "bytesPerSecond": 1 }))
        .await;
    let customer = shop.customer();
    let placing = tokio::spawn(async move { customer.place(&new_key(), &small_order()).await });
    until("the payment is captured", async || {
        shop.sandbox.charges().await == 1
    })
    .await;
    let order_id = shop.pending_order().await;
    let cancelled = shop.cancel(&order_id).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    shop.assert_cancelled(&order_id, TOTAL).await;
    placing.abort();
}

#[tokio::test]
async fn an_ended_or_refunding_order_is_not_cancelled() {
    let shop = Shop::open().await;
    let declined = with(small_order(), "creditCardNumber", json!(DECLINED_CARD));
    let failed = shop.place_new(&declined).await.order_id();
    let refunded = shop.paid().await;
    assert_eq!(shop.refund(&refunded, &new_key(), &all()).await.status, 201);
    for (order_id, status) in [(failed, "FAILED"), (refunded, "REFUNDED")] {
        let refused = shop.cancel(&order_id).await;
        refused.assert_problem(409, "orders.not_cancellable");
        assert_eq!(refused.body["orderStatus"], status);
        assert_eq!(refused.order_id(), order_id);
    }

    let refunding = shop.paid().await;
    let lost = json!({ "type": "error_before", "status": 502 });
    shop.sandbox.once("refund", lost).await;
    let pending = shop.refund(&refunding, &new_key(), &part(1)).await;
    assert_eq!(pending.status, 202, "{pending:?}");
    let refused = shop.cancel(&refunding).await;
    refused.assert_problem(409, "orders.refund_in_progress");
    assert_eq!(refused.body["retryable"], true);
    assert_eq!(shop.database.status(&refunding).await, "REFUNDING");
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_unknown_order_or_one_of_another_tenant_is_not_cancelled_or_refunded() {
    let shop = Shop::open().await;
    let order_id = shop.paid().await;
    for id in [new_key().as_str(), "1", "x"] {
        let unknown = shop.cancel(id).await;
        unknown.assert_problem(404, "orders.not_found");
        let unknown = shop.refund(id, &new_key(), &all()).await;
        unknown.assert_problem(404, "orders.not_found");
        let unknown = shop.get(&format!("/orders/{id}/refunds")).await;
        unknown.assert_problem(404, "orders.not_found");
    }
    let elsewhere = [("OMS_TENANT_ID", "00000000-0000-4000-8000-000000000002")];
    let elsewhere = shop.another_api(&elsewhere).await;
    let stranger = shop.customer_of(&elsewhere);
    let answers = [
        stranger.cancel(&order_id).await,
        stranger.refund(&order_id, &new_key(), &all()).await,
        stranger.get(&format!("/orders/{order_id}/refunds")).await,
    ];
    for answer in answers {
        answer.assert_problem(404, "orders.not_found");
    }
    assert_eq!(shop.database.status(&order_id).await, "PAID");
    shop.assert_consistent().await;
}

/// The bank refuses: an operator must act. In development every caller is an operator.
#[tokio::test]
async fn a_refused_refund_becomes_a_dead_letter_immediately() {
    let shop = Shop::open_sweeping(PATIENT).await;
    let order_id = shop.paid().await;
    // No webhook reports the dispute because of which the gateway refuses the refund.
    let intent = shop.sandbox.order(&order_id).await["intents"][0]["id"].clone();
    let dispute = json!({ "payment_intent": intent });
    let dispute = shop.sandbox.happens("disputes", dispute).await;
    let cancelling = shop.cancel(&order_id).await;
    cancelling.assert_accepted(&order_id, "CANCELLING");
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);
    let list = shop.get("/operations/dead-letters").await;
    let dead_letter = &list.body["items"][0];
    assert_eq!(dead_letter["orderId"], order_id);
    assert_eq!(dead_letter["orderStatus"], "CANCELLING");
    let path = format!(
        "/operations/dead-letters/{}",
        dead_letter["id"].as_str().unwrap()
    );
    let shown = shop.get(&path).await.body;
    assert_eq!(shown["order"]["refunds"][0]["status"], "failed", "{shown}");
    assert_eq!(shown["attempts"][0]["state"], "paid");
    let calls = shown["gatewayCalls"].as_array().unwrap().iter();
    let operations: Vec<_> = calls
        .map(|call| call["operation"].as_str().unwrap())
        .collect();
    assert_eq!(operations, ["prepare", "confirm", "refund", "find_refund"]);
    let body = json!({ "as": "paid", "reason": "x" });
    let request = shop.customer().post(&format!("{path}/resolve")).json(&body);
    let refused = Answer::of(request.send().await.unwrap()).await;
    refused.assert_problem(409, "orders.not_resolvable");

    // After the dispute is won, an operator makes the refund by hand and retries the dead letter.
    let path_of_dispute = format!("disputes/{}/settle", dispute["id"].as_str().unwrap());
    let won = json!({ "status": "won" });
    shop.sandbox.happens(&path_of_dispute, won).await;
    shop.sandbox.refund_in_dashboard(&order_id, TOTAL).await;
    let request = shop
        .customer()
        .request(Method::POST, &format!("{path}/retry"));
    let retried = Answer::of(request.send().await.unwrap()).await;
    assert_eq!(retried.status, 202, "{retried:?}");
    assert_eq!(shop.settled(&order_id).await, "CANCELLED");
    shop.assert_cancelled(&order_id, TOTAL).await;
}

/// Cancels a paid order while the refund call meets a fault.
async fn cancel_under(settings: Settings<'_>, fault: Value) {
    let shop = Shop::open_sweeping(settings).await;
    let order_id = shop.paid().await;
    shop.sandbox.once("refund", fault).await;
    let cancelling = shop.cancel(&order_id).await;
    cancelling.assert_accepted(&order_id, "CANCELLING");
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);
    shop.cancel(&order_id)
        .await
        .assert_accepted(&order_id, "CANCELLING");
    assert_eq!(shop.sandbox.calls("refund").await, 1);
    shop.assert_consistent().await;

    shop.sandbox.release().await;
    assert_eq!(shop.settled(&order_id).await, "CANCELLED");
    shop.assert_cancelled(&order_id, TOTAL).await;
    assert_eq!(shop.sandbox.refunds().await, 1);
    let series = "oms_swept_orders_total{outcome=\"cancelled\"}";
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
                cancel_under($settings, json!($fault)).await;
            }
        )+
    };
}

refund_faults! {
    refund_cut_off: PATIENT, { "type": "refuse" };
    refund_truncated: PATIENT, { "type": "truncate" };
    refund_timed_out_before_the_effect: IMPATIENT, { "type": "no_answer_before" };
    refund_timed_out_after_the_effect: IMPATIENT, { "type": "no_answer_after" };
    refund_answered_too_slowly: IMPATIENT, { "type": "drip", "bytesPerSecond": 1 };
    // Stripe replays this answer for the key.
    refund_500_without_effect: PATIENT, { "type": "error_before", "status": 500 };
    refund_500_with_effect: PATIENT, { "type": "error_after", "status": 500 };
    refund_502_before_the_effect: PATIENT, { "type": "error_before", "status": 502 };
    refund_502_after_the_effect: PATIENT, { "type": "error_after", "status": 502 };
    refund_429: PATIENT, { "type": "error_before", "status": 429 };
}

#[tokio::test]
async fn concurrent_cancellations_of_one_order_refund_it_once() {
    let shop = Shop::open().await;
    let order_id = shop.paid().await;
    let mut rivals = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (customer, order_id) = (shop.customer(), order_id.clone());
        rivals.spawn(async move { customer.cancel(&order_id).await.status });
    }
    let statuses = rivals.join_all().await;
    assert!(statuses.contains(&200), "{statuses:?}");
    assert!(
        statuses.iter().all(|status| [200, 202].contains(status)),
        "{statuses:?}"
    );
    shop.assert_cancelled(&order_id, TOTAL).await;
    assert_eq!(shop.sandbox.refunds().await, 1);
}
