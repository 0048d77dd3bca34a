//! Gateway calls during an outage: no order costs more calls than its budget, and an open breaker lets only probes
//! through.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::eventually::until;
use crate::gateway_calls::Calls;
use crate::request::{DECLINED_CARD, WIDGET_A, new_key, small_order, with};
use crate::robustness::breaker::open_breaker;
use crate::shop::Shop;

/// Enough for every kind of fault to meet every operation.
const ORDERS: usize = 60;
/// Number of concurrent customers.
const CUSTOMERS: usize = 4;

/// Every second call fails, each time in another way.
fn flapping() -> Value {
    let faults = [
        json!({ "type": "error_before", "status": 503 }),
        json!({ "type": "truncate" }),
        json!({ "type": "error_after", "status": 500 }),
        json!({ "type": "error_before", "status": 429 }),
        json!({ "type": "refuse" }),
        json!({ "type": "error_after", "status": 502 }),
        json!({ "type": "error_before", "status": 500 }),
    ];
    // Each rule that has not fired yet counts the calls that pass it, so the nth rule skips n of them.
    let rules = faults.iter().cycle().take(8 * ORDERS).zip(1..);
    let rules =
        rules.map(|(action, nth)| json!({ "operation": "any", "action": action, "skip": nth }));
    rules.collect()
}

/// Every third customer has a card that is declined.
fn order_of(customer: usize) -> Value {
    match customer % 3 {
        0 => with(small_order(), "creditCardNumber", json!(DECLINED_CARD)),
        _ => small_order(),
    }
}

/// Places all orders, a few at a time.
async fn place_all(shop: &Shop) -> Vec<Answer> {
    let mut answers = Vec::new();
    let orders: Vec<Value> = (0..ORDERS).map(order_of).collect();
    for at_once in orders.chunks(CUSTOMERS) {
        let placed = at_once.iter().map(|order| shop.place_new(order));
        answers.extend(join_all(placed).await);
    }
    answers
}

/// Sweeps until no order is open.
async fn sweep_all(shop: &Shop) {
    until("all orders end", async || {
        let pending = shop.pending_orders().await;
        if let Some(order_id) = pending.first() {
            shop.sweep_once(order_id).await;
        }
        pending.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_flapping_gateway_is_called_within_the_budget_and_every_order_ends() {
    let shop = Shop::open_sweeping_on_demand(&[]).await;
    shop.sandbox.plan(flapping()).await;
    let answers = place_all(&shop).await;
    let statuses: BTreeSet<u16> = answers.iter().map(|answer| answer.status).collect();
    // Every kind of answer occurs.
    assert_eq!(statuses, BTreeSet::from([201, 202, 402, 503]));
    sweep_all(&shop).await;
    shop.assert_within_budget().await;

    let tries = shop.database.most_tries().await;
    assert!(tries > 1, "no sweep met a fault");
    let most = Calls::of(&shop.sandbox.stats().await["callsPerOrder"]["max"]);
    assert!(
        most.is_within(Calls::budget(tries)),
        "{most:?} in {tries} attempts"
    );
    // No order was confirmed twice, so no decline was retried either.
    assert_eq!(most.confirm, 1);
    shop.assert_consistent().await;
    shop.sandbox.release().await;
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_decline_costs_two_calls_and_its_repetition_none() {
    let shop = Shop::open_sweeping_on_demand(&[]).await;
    let (key, declined) = (new_key(), order_of(0));
    let answer = shop.place(&key, &declined).await;
    answer.assert_failed("orders.payment_declined");
    for _ in 0..3 {
        let replay = shop.place(&key, &declined).await;
        replay.assert_failed("orders.payment_declined");
    }
    shop.database.make_due().await;
    let order = shop.sandbox.order(&answer.order_id()).await;
    let once = Calls {
        create: 1,
        confirm: 1,
        retrieve: 0,
        cancel: 0,
    };
    assert_eq!(Calls::of(&order["calls"]), once);
    assert_eq!(shop.database.tries(&answer.order_id()).await, 0);
}

/// The number of probes that the breaker has let through.
fn probes(shop: &Shop) -> usize {
    let probing = |line: &Value| line["message"] == "circuit breaker is probing";
    shop.api.log().iter().filter(|line| probing(line)).count()
}

/// All calls that the gateway received.
async fn all_calls(shop: &Shop) -> u64 {
    let stats = shop.sandbox.stats().await;
    let calls = stats["calls"].as_object().unwrap();
    calls.values().map(|count| count.as_u64().unwrap()).sum()
}

/// Checks that the open breaker refuses an order before anything is stored, even on a slow machine: an order that is
/// let through as a probe has a row.
async fn assert_turned_away(shop: &Shop) {
    until(
        "an order is refused before anything is stored",
        async || {
            let orders = shop.database.orders().await;
            let refused = shop.place_new(&small_order()).await;
            refused.assert_problem(503, "payments.gateway_unavailable");
            shop.database.orders().await == orders
        },
    )
    .await;
}

#[tokio::test]
async fn an_open_breaker_lets_only_probes_through_and_orders_leave_no_trace() {
    let shop = Shop::open_sweeping_on_demand(&[]).await;
    // Some orders wait for the sweeper when the gateway fails.
    let lost = json!({ "type": "error_before", "status": 500 });
    for _ in 0..3 {
        shop.sandbox.once("confirm", lost.clone()).await;
        shop.place_new(&small_order()).await.assert_pending();
    }
    let held = shop.database.reserved(WIDGET_A).await;
    assert_eq!(held, 3);
    open_breaker(&shop, &small_order()).await;

    let probes_before = probes(&shop);
    let calls_before = all_calls(&shop).await;
    for _ in 0..20 {
        assert_turned_away(&shop).await;
        assert_eq!(shop.database.reserved(WIDGET_A).await, held);
        // The breaker refuses the sweeper too.
        shop.database.make_due().await;
    }
    let calls = all_calls(&shop).await - calls_before;
    // The log line of a probe may be readable only after the call.
    until("every call was a probe", async || {
        (probes(&shop) - probes_before) as u64 >= calls
    })
    .await;
    assert_eq!(shop.pending_orders().await.len(), 3);

    shop.sandbox.release().await;
    until("a probe closes the breaker", async || {
        shop.place_new(&small_order()).await.status == 201
    })
    .await;
    sweep_all(&shop).await;
    shop.assert_within_budget().await;
    shop.assert_consistent().await;
}
