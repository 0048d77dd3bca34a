//! Gateway events settle orders that nothing else has settled, exactly once: with a sandbox that delivers webhooks, and
//! without a sweeper unless a test starts one.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::api::APPLYING;
use crate::eventually::until;
use crate::reporting::{
    SECRET, and_webhooks, lost_answer, outcomes, reporting_shop, with_bank, with_lost_answer,
};
use crate::request::{DECLINED_CARD, WIDGET_A, new_key, small_order, with};
use crate::shop::Shop;

#[tokio::test]
async fn an_order_whose_answer_was_lost_is_paid_by_the_webhook_alone() {
    let shop = reporting_shop().await;
    let key = new_key();
    let order_id = with_lost_answer(&shop, &key, &small_order()).await;
    shop.place(&key, &small_order()).await.assert_in_progress();
    shop.sandbox.release().await;
    shop.becomes(&order_id, "PAID").await;

    let applied = outcomes(&[("ignored", 1), ("paid", 1), ("superseded", 1)]);
    assert_eq!(shop.all_applied().await, applied);
    let timeline = shop.timeline(&order_id).await;
    assert_eq!(
        timeline,
        [["api:local", "PENDING_PAYMENT"], ["webhook", "PAID"]]
    );
    assert_eq!(shop.sandbox.charged(&order_id).await, (1, 1000));
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);
    shop.place(&key, &small_order())
        .await
        .assert_replayed(&order_id);
    until("the metrics show it", async || {
        let paid = shop
            .metric("oms_gateway_events_total{outcome=\"paid\"}")
            .await;
        let due = shop.metric("oms_gateway_events_due").await;
        paid.as_deref() == Some("1") && due.as_deref() == Some("0")
    })
    .await;
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_decline_whose_answer_was_lost_is_learnt_from_the_webhook() {
    let shop = reporting_shop().await;
    let key = new_key();
    let declined = with(small_order(), "creditCardNumber", json!(DECLINED_CARD));
    let order_id = with_lost_answer(&shop, &key, &declined).await;
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);
    shop.sandbox.release().await;
    shop.becomes(&order_id, "FAILED").await;
    let timeline = shop.timeline(&order_id).await;
    assert_eq!(
        timeline,
        [["api:local", "PENDING_PAYMENT"], ["webhook", "FAILED"]]
    );
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    let intent = shop.sandbox.order(&order_id).await["intents"][0]["status"].clone();
    assert_eq!(intent, "canceled");
    let replay = shop.place(&key, &declined).await;
    replay.assert_failed("orders.payment_declined");
    assert_eq!(replay.body["declineCode"], "generic_decline");
    shop.all_applied().await;
    shop.assert_consistent().await;
}

#[tokio::test]
async fn repeated_or_reordered_webhooks_settle_an_order_once() {
    // The look-up that fails may be the worker's own, which then retries later.
    let shop = Shop::open_with(&[APPLYING]).await;
    shop.sandbox.report_to(&shop.api.url, SECRET).await;
    for (kind, action) in [
        (
            "payment_intent.succeeded",
            json!({ "type": "duplicate", "times": 3 }),
        ),
        // The last event is that of the payment.
        ("charge.succeeded", json!({ "type": "reorder" })),
        (
            "payment_intent.succeeded",
            json!({ "type": "delay", "ms": 50 }),
        ),
    ] {
        let mut rules = lost_answer();
        let rule = json!({ "operation": "webhook", "action": action, "eventType": kind });
        rules.as_array_mut().unwrap().push(rule);
        shop.sandbox.plan(rules).await;
        let order_id = shop.place_new(&small_order()).await.order_id();
        for delivery in shop.sandbox.deliveries().await {
            let sent = shop.sandbox.send_again(&delivery["eventId"]).await;
            assert_eq!(sent, 200, "{delivery}");
        }
        shop.becomes(&order_id, "PAID").await;
        shop.all_applied().await;
        assert_eq!(shop.timeline(&order_id).await.len(), 2);
        assert_eq!(shop.sandbox.charged(&order_id).await, (1, 1000));
        shop.assert_consistent().await;
    }
    let stored = "SELECT count(*) FROM payments.gateway_events";
    assert_eq!(shop.database.number(stored).await, 9);
    assert_eq!(shop.database.reserved(WIDGET_A).await, 3);
}

#[tokio::test]
async fn webhooks_that_arrive_before_the_answer_do_not_change_it() {
    let shop = reporting_shop().await;
    let early = json!({ "type": "early" });
    shop.sandbox.always("webhook", early).await;
    let order = small_order();
    let orders = (0..20).map(|_| shop.place_new(&order));
    for answer in join_all(orders).await {
        answer.assert_created();
        let timeline = shop.timeline(&answer.order_id()).await;
        assert_eq!(timeline.len(), 2, "{timeline:?}");
        assert_eq!(timeline[1][1], "PAID");
    }
    let applied = shop.all_applied().await;
    assert_eq!(applied.values().sum::<usize>(), 60, "{applied:?}");
    assert_eq!(shop.sandbox.charges().await, 20);
    shop.assert_consistent().await;
}

/// The process that placed the order stops between the payment and its own phase 3. Meanwhile another process applies
/// the webhook.
#[tokio::test]
async fn a_request_overtaken_by_the_webhook_answers_with_the_stored_order() {
    let shop = Shop::open().await;
    let other = shop.another_api(&[]).await;
    shop.sandbox.report_to(&other.url, SECRET).await;
    shop.sandbox.hold("confirm").await;
    let customer = shop.customer();
    let buyer = tokio::spawn(async move { customer.place(&new_key(), &small_order()).await });
    shop.sandbox.called("confirm", 1).await;
    let order_id = shop.pending_order().await;
    shop.api.process.pause();
    shop.sandbox.release().await;
    shop.becomes(&order_id, "PAID").await;
    shop.api.process.resume();

    let answer = buyer.await.unwrap();
    answer.assert_created();
    assert_eq!(answer.order_id(), order_id);
    let timeline = shop.timeline(&order_id).await;
    assert_eq!(
        timeline,
        [["api:local", "PENDING_PAYMENT"], ["webhook", "PAID"]]
    );
    shop.all_applied().await;
    shop.assert_consistent().await;
}

#[tokio::test]
async fn webhooks_that_arrive_after_the_sweeper_change_nothing() {
    let mut shop = reporting_shop().await;
    let paid = with_lost_answer(&shop, &new_key(), &small_order()).await;
    let lost =
        json!([{ "operation": "confirm", "action": { "type": "error_before", "status": 500 } }]);
    shop.sandbox.plan(and_webhooks(lost, "hold")).await;
    let unpaid = shop.place_new(&small_order()).await;
    unpaid.assert_pending();
    shop.sweep().await;
    let ended = [(paid, "PAID"), (unpaid.order_id(), "FAILED")];
    shop.sandbox.report_to(&shop.api.url, SECRET).await;
    shop.sandbox.release().await;

    let applied = shop.all_applied().await;
    // Both intents were created. One was paid with one charge, and the other was cancelled.
    let expected = outcomes(&[("ignored", 2), ("superseded", 3)]);
    assert_eq!(applied, expected);
    for (order_id, status) in ended {
        let timeline = shop.timeline(&order_id).await;
        assert_eq!(
            timeline,
            [["api:local", "PENDING_PAYMENT"], ["sweeper", status]]
        );
    }
    shop.assert_consistent().await;
}

#[tokio::test]
async fn the_sweeper_settles_orders_whose_webhooks_are_lost_or_forged() {
    let mut shop = reporting_shop().await;
    for (fault, state) in [
        ("drop", "dropped"),
        ("forge", "given_up"),
        ("stale", "given_up"),
    ] {
        shop.sandbox.plan(and_webhooks(lost_answer(), fault)).await;
        let pending = shop.place_new(&small_order()).await;
        pending.assert_pending();
        let order_id = pending.order_id();
        until("every webhook was tried or dropped", async || {
            let deliveries = shop.sandbox.deliveries().await;
            let of_order = deliveries
                .iter()
                .filter(|it| it["orderId"] == order_id.as_str());
            let states: Vec<&Value> = of_order.map(|it| &it["state"]).collect();
            states.len() == 3 && states.iter().all(|it| **it == state)
        })
        .await;
        let stored = "SELECT count(*) FROM payments.gateway_events";
        assert_eq!(shop.database.number(stored).await, 0, "{fault}");
        assert_eq!(shop.database.status(&order_id).await, "PENDING_PAYMENT");

        shop.sandbox.release().await;
        shop.sweep().await;
        let timeline = shop.timeline(&order_id).await;
        assert_eq!(
            timeline,
            [["api:local", "PENDING_PAYMENT"], ["sweeper", "PAID"]]
        );
        shop.assert_consistent().await;
        shop.api.process.kill();
        shop.restart(&[]).await;
        shop.sandbox.report_to(&shop.api.url, SECRET).await;
    }
}

#[tokio::test]
async fn a_later_decision_of_the_bank_settles_the_order() {
    let shop = reporting_shop().await;
    for (outcome, status) in [("succeeded", "PAID"), ("failed", "FAILED")] {
        let (order_id, intent) = with_bank(&shop).await;
        // The event that the bank has the payment changes nothing.
        let applied = shop.all_applied().await;
        assert!(applied.contains_key("pending"), "{applied:?}");
        assert_eq!(shop.database.status(&order_id).await, "PENDING_PAYMENT");

        shop.sandbox.settle(&intent, outcome).await;
        shop.becomes(&order_id, status).await;
        let timeline = shop.timeline(&order_id).await;
        assert_eq!(
            timeline,
            [["api:local", "PENDING_PAYMENT"], ["webhook", status]]
        );
        shop.all_applied().await;
        shop.assert_consistent().await;
    }
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);
}
