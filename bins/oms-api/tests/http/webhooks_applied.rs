//! What the gateway reports ends the orders that nobody else has ended: with a real sandbox that delivers, and without a
//! sweeper unless a test starts one.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::api::APPLYING;
use crate::eventually::{eventually, until};
use crate::request::{DECLINED_CARD, WIDGET_A, new_key, small_order, with};
use crate::shop::Shop;

const SECRET: &str = "whsec_sandbox";
/// A payment that the bank takes its time over.
const BANK: &str = "pm_usBankAccount_processing";

async fn reporting_shop() -> Shop {
    let shop = Shop::open().await;
    shop.sandbox.report_to(&shop.api.url, SECRET).await;
    shop
}

/// The confirmation has its effect, and neither its answer nor the look at the payment gets through.
fn lost_answer() -> Value {
    json!([
        { "operation": "confirm", "action": { "type": "error_after", "status": 502 } },
        { "operation": "retrieve", "action": { "type": "error_before", "status": 503 } },
    ])
}

/// Rules, with one for every webhook from now on.
fn and_webhooks(rules: Value, action: &str) -> Value {
    let mut rules = rules;
    let all = json!({ "operation": "webhook", "action": { "type": action }, "times": null });
    rules.as_array_mut().unwrap().push(all);
    rules
}

/// An order whose confirmation's answer was lost, and whose webhooks are held until the sandbox is released.
async fn with_lost_answer(shop: &Shop, key: &str, order: &Value) -> String {
    shop.sandbox.plan(and_webhooks(lost_answer(), "hold")).await;
    let pending = shop.place(key, order).await;
    pending.assert_pending();
    pending.order_id()
}

/// An order that waits for the bank, and the gateway's name for its payment.
async fn with_bank(shop: &Shop) -> (String, String) {
    let order = with(small_order(), "creditCardNumber", Value::Null);
    let order = with(order, "paymentMethod", json!(BANK));
    let pending = shop.place_new(&order).await;
    pending.assert_pending();
    let order_id = pending.order_id();
    let intent = shop.sandbox.order(&order_id).await["intents"][0]["id"].clone();
    (order_id, intent.as_str().unwrap().to_owned())
}

impl Shop {
    /// Returns once an order is in a status. Nobody's time passes.
    async fn becomes(&self, order_id: &str, status: &str) {
        let what = format!("order {order_id} becomes {status}");
        until(&what, async || {
            self.database.status(order_id).await == status
        })
        .await;
    }

    /// Who has changed an order to what, from its beginning.
    async fn timeline(&self, order_id: &str) -> Vec<Vec<String>> {
        let sql = format!(
            "SELECT actor, to_status FROM orders.events WHERE order_id = '{order_id}' ORDER BY sequence"
        );
        self.database.rows(&sql).await
    }

    /// Returns once every event was tried and what arrived is applied, with how many have which outcome.
    async fn all_applied(&self) -> BTreeMap<String, usize> {
        eventually("everything that was reported is applied", async || {
            let deliveries = self.sandbox.deliveries().await;
            let waits = deliveries.iter().any(|it| it["state"] == "pending");
            let sql = "SELECT coalesce(outcome, 'due') FROM payments.gateway_events";
            let mut outcomes = BTreeMap::new();
            for outcome in self.database.rows(sql).await.into_iter().flatten() {
                *outcomes.entry(outcome).or_default() += 1;
            }
            (!waits && !outcomes.contains_key("due")).then_some(outcomes)
        })
        .await
    }
}

fn outcomes(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    let owned = expected
        .iter()
        .map(|(outcome, count)| ((*outcome).to_owned(), *count));
    owned.collect()
}

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
    assert_eq!(timeline, [["api", "PENDING_PAYMENT"], ["webhook", "PAID"]]);
    assert_eq!(shop.sandbox.charged(&order_id).await, (1, 1000));
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);
    shop.place(&key, &small_order())
        .await
        .assert_replayed(&order_id);
    until("the metrics tell", async || {
        let paid = shop
            .metric("oms_gateway_events_total{outcome=\"paid\"}")
            .await;
        paid.as_deref() == Some("1")
    })
    .await;
    let due = shop.metric("oms_gateway_events_due").await;
    assert_eq!(due.as_deref(), Some("0"));
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
        [["api", "PENDING_PAYMENT"], ["webhook", "FAILED"]]
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
async fn webhooks_that_come_more_than_once_or_in_another_order_end_an_order_once() {
    // The look that fails may be the worker's own, which then looks again after a while.
    let shop = Shop::open_with(&[APPLYING]).await;
    shop.sandbox.report_to(&shop.api.url, SECRET).await;
    for (kind, action) in [
        (
            "payment_intent.succeeded",
            json!({ "type": "duplicate", "times": 3 }),
        ),
        // The last one is the payment's.
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
async fn webhooks_that_come_before_the_answer_change_no_answer() {
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

/// The process that placed the order stands still between the payment and its own phase 3; another one applies the
/// webhook meanwhile.
#[tokio::test]
async fn who_loses_to_the_webhook_answers_with_what_is_stored() {
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
    assert_eq!(timeline, [["api", "PENDING_PAYMENT"], ["webhook", "PAID"]]);
    shop.all_applied().await;
    shop.assert_consistent().await;
}

#[tokio::test]
async fn webhooks_that_come_after_the_sweeper_change_nothing() {
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
    // Both intents were created; one was paid, by one charge, and one cancelled.
    let expected = outcomes(&[("ignored", 2), ("superseded", 3)]);
    assert_eq!(applied, expected);
    for (order_id, status) in ended {
        let timeline = shop.timeline(&order_id).await;
        assert_eq!(timeline, [["api", "PENDING_PAYMENT"], ["sweeper", status]]);
    }
    shop.assert_consistent().await;
}

#[tokio::test]
async fn where_webhooks_are_lost_or_not_to_be_believed_the_sweeper_ends_the_order() {
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
        assert_eq!(timeline, [["api", "PENDING_PAYMENT"], ["sweeper", "PAID"]]);
        shop.assert_consistent().await;
        shop.api.process.kill();
        shop.restart(&[]).await;
        shop.sandbox.report_to(&shop.api.url, SECRET).await;
    }
}

#[tokio::test]
async fn what_the_bank_decides_later_ends_the_order() {
    let shop = reporting_shop().await;
    for (outcome, status) in [("succeeded", "PAID"), ("failed", "FAILED")] {
        let (order_id, intent) = with_bank(&shop).await;
        // That it is with the bank changes nothing.
        let applied = shop.all_applied().await;
        assert!(applied.contains_key("pending"), "{applied:?}");
        assert_eq!(shop.database.status(&order_id).await, "PENDING_PAYMENT");

        shop.sandbox.settle(&intent, outcome).await;
        shop.becomes(&order_id, status).await;
        let timeline = shop.timeline(&order_id).await;
        assert_eq!(timeline, [["api", "PENDING_PAYMENT"], ["webhook", status]]);
        shop.all_applied().await;
        shop.assert_consistent().await;
    }
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);
}

#[tokio::test]
async fn what_cannot_be_looked_up_is_applied_once_it_can() {
    let shop = Shop::open_with(&[APPLYING]).await;
    shop.sandbox.report_to(&shop.api.url, SECRET).await;
    shop.sandbox
        .plan(json!([
            { "operation": "confirm", "action": { "type": "error_after", "status": 502 } },
            { "operation": "retrieve", "action": { "type": "error_before", "status": 503 }, "times": null },
        ]))
        .await;
    let pending = shop.place_new(&small_order()).await;
    pending.assert_pending();
    let order_id = pending.order_id();
    until("it was tried", async || {
        let sql = "SELECT count(*) FROM payments.gateway_events WHERE tries > 0";
        shop.database.number(sql).await == 2
    })
    .await;
    assert_eq!(shop.database.status(&order_id).await, "PENDING_PAYMENT");

    shop.sandbox.release().await;
    until("the order is paid", async || {
        shop.database
            .execute("UPDATE payments.gateway_events SET due_at = now() WHERE applied_at IS NULL")
            .await;
        shop.database.status(&order_id).await == "PAID"
    })
    .await;
    let timeline = shop.timeline(&order_id).await;
    assert_eq!(timeline, [["api", "PENDING_PAYMENT"], ["webhook", "PAID"]]);
    shop.all_applied().await;
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_webhook_sent_while_the_program_is_down_is_stored_and_applied_once_it_is_up() {
    let mut shop = Shop::open().await;
    shop.sandbox
        .report_patiently_to(&shop.api.url, SECRET)
        .await;
    let (order_id, intent) = with_bank(&shop).await;
    shop.all_applied().await;
    shop.api.process.kill();
    shop.sandbox.settle(&intent, "succeeded").await;
    until("it was tried in vain", async || {
        let deliveries = shop.sandbox.deliveries().await;
        let tried = |it: &Value| it["state"] == "pending" && it["tries"].as_u64() >= Some(2);
        deliveries.iter().any(tried)
    })
    .await;

    shop.restart(&[]).await;
    shop.sandbox
        .report_patiently_to(&shop.api.url, SECRET)
        .await;
    shop.becomes(&order_id, "PAID").await;
    shop.all_applied().await;
    let sql = "SELECT type, count(*) FROM payments.gateway_events GROUP BY type ORDER BY type";
    let stored = shop.database.rows(sql).await;
    assert_eq!(
        stored,
        [
            ["charge.succeeded", "1"],
            ["payment_intent.created", "1"],
            ["payment_intent.processing", "1"],
            ["payment_intent.succeeded", "1"],
        ]
    );
    let timeline = shop.timeline(&order_id).await;
    assert_eq!(timeline, [["api", "PENDING_PAYMENT"], ["webhook", "PAID"]]);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_webhook_that_a_killed_program_had_stored_is_applied_by_another() {
    let mut shop = reporting_shop().await;
    shop.sandbox
        .plan(json!([
            { "operation": "confirm", "action": { "type": "error_after", "status": 502 } },
            { "operation": "retrieve", "action": { "type": "hold" }, "skip": 1, "times": null },
            { "operation": "retrieve", "action": { "type": "error_before", "status": 503 } },
        ]))
        .await;
    let customer = shop.customer();
    let buyer = tokio::spawn(async move {
        let request = customer
            .post("/orders")
            .header("idempotency-key", new_key());
        request.json(&small_order()).send().await
    });
    // One look is the buyer's, the other one the webhook's; one of them is held.
    shop.sandbox.called("retrieve", 2).await;
    until("both webhooks are stored", async || {
        let sql = "SELECT count(*) FROM payments.gateway_events WHERE applied_at IS NULL";
        shop.database.number(sql).await == 2
    })
    .await;
    shop.api.process.kill();
    // Whether it was answered does not matter.
    let _ = buyer.await.unwrap();
    let order_id = shop.pending_order().await;
    shop.sandbox.release().await;
    // The lease of the one that was killed is over.
    shop.database
        .execute("UPDATE payments.gateway_events SET due_at = now() WHERE applied_at IS NULL")
        .await;
    shop.restart(&[]).await;
    shop.becomes(&order_id, "PAID").await;
    let applied = outcomes(&[("ignored", 1), ("paid", 1), ("superseded", 1)]);
    assert_eq!(shop.all_applied().await, applied);
    assert_eq!(shop.timeline(&order_id).await[1], ["webhook", "PAID"]);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn two_processes_that_apply_at_once_end_each_order_once() {
    const ORDERS: usize = 20;
    let shop = Shop::open_with(&[APPLYING]).await;
    let other = shop.another_api(&[APPLYING]).await;
    shop.sandbox.report_to(&other.url, SECRET).await;
    let mut orders = Vec::new();
    for _ in 0..ORDERS {
        orders.push(with_lost_answer(&shop, &new_key(), &small_order()).await);
    }
    shop.sandbox.release().await;
    for order_id in &orders {
        shop.becomes(order_id, "PAID").await;
        let timeline = shop.timeline(order_id).await;
        assert_eq!(timeline, [["api", "PENDING_PAYMENT"], ["webhook", "PAID"]]);
    }
    shop.all_applied().await;
    shop.assert_consistent().await;
}

#[tokio::test]
async fn what_was_applied_long_ago_is_forgotten() {
    let mut shop = Shop::open().await;
    let insert = |id: &str, days: u32| {
        format!(
            "INSERT INTO payments.gateway_events (tenant_id, gateway, event_id, type, reference, gateway_created_at,
                 received_at, due_at, applied_at, outcome)
             SELECT gen_random_uuid(), 'stripe', '{id}', 'charge.succeeded', 'pi_1', at, at, at, at, 'paid'
             FROM (SELECT now() - interval '{days} days' AS at) times"
        )
    };
    shop.database.execute(&insert("evt_old", 31)).await;
    shop.database.execute(&insert("evt_new", 29)).await;
    shop.api.process.kill();
    shop.restart(&[]).await;
    until("the old one is deleted", async || {
        let sql = "SELECT event_id FROM payments.gateway_events";
        shop.database.rows(sql).await == [["evt_new"]]
    })
    .await;
}
