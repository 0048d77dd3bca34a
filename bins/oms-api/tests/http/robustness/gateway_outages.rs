//! A gateway that is slow, silent, broken or unreachable.

use serde_json::json;

use crate::api::{SWEEPING, Settings};
use crate::eventually::until;
use crate::request::{WIDGET_A, new_key, small_order};
use crate::shop::Shop;
use crate::stock::{ATLANTA_WAREHOUSE, Stock};

/// Long enough for every call that is answered at all.
const IMPATIENT: Settings<'_> = &[("OMS_STRIPE_TIMEOUT_MS", "2000")];

#[tokio::test]
async fn a_repeated_key_is_answered_409_until_the_first_request_is_answered() {
    let shop = Shop::open().await;
    shop.sandbox.hold("confirm").await;
    let (key, customer) = (new_key(), shop.customer());
    let first = tokio::spawn({
        let key = key.clone();
        async move { customer.place(&key, &small_order()).await }
    });
    shop.sandbox.called("confirm", 1).await;
    let order_id = shop.pending_order().await;
    for _ in 0..2 {
        let again = shop.place(&key, &small_order()).await;
        again.assert_in_progress();
        assert_eq!(again.order_id(), order_id);
    }
    assert_eq!(shop.order(&order_id).await["status"], "PENDING_PAYMENT");
    let stock = shop.database.stock(ATLANTA_WAREHOUSE, WIDGET_A).await;
    assert_eq!(
        stock,
        Stock {
            on_hand: 50,
            reserved: 1
        }
    );

    shop.sandbox.release().await;
    let placed = first.await.unwrap();
    placed.assert_created();
    assert_eq!(placed.order_id(), order_id);
    shop.place(&key, &small_order())
        .await
        .assert_replayed(&order_id);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn the_sweeper_finds_a_payment_whose_answer_was_lost() {
    let mut shop = Shop::open_with(IMPATIENT).await;
    shop.sandbox
        .once("confirm", json!({ "type": "no_answer_after" }))
        .await;
    let key = new_key();
    let pending = shop.place(&key, &small_order()).await;
    pending.assert_pending();
    let order_id = pending.order_id();
    shop.place(&key, &small_order()).await.assert_in_progress();
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);

    shop.sweep().await;
    assert_eq!(shop.database.status(&order_id).await, "PAID");
    assert_eq!(shop.sandbox.charged(&order_id).await, (1, 1000));
    shop.place(&key, &small_order())
        .await
        .assert_replayed(&order_id);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_payment_that_never_reached_the_gateway_is_cancelled_before_its_stock_is_released() {
    let mut shop = Shop::open_with(IMPATIENT).await;
    shop.sandbox
        .once("confirm", json!({ "type": "no_answer_before" }))
        .await;
    let key = new_key();
    let pending = shop.place(&key, &small_order()).await;
    pending.assert_pending();
    let order_id = pending.order_id();
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);

    shop.sweep().await;
    assert_eq!(shop.database.status(&order_id).await, "FAILED");
    assert_eq!(
        shop.sandbox.order(&order_id).await["intents"][0]["status"],
        "canceled"
    );
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    let replay = shop.place(&key, &small_order()).await;
    replay.assert_failed("orders.payment_voided");
    assert_eq!(replay.order_id(), order_id);
    shop.assert_consistent().await;
}

/// Faults of a confirmation, and whether it took effect. After each, the payment is read immediately.
#[tokio::test]
async fn after_a_broken_answer_the_payment_is_read_immediately() {
    let shop = Shop::open().await;
    for paid in [
        json!({ "type": "truncate" }),
        json!({ "type": "error_after", "status": 500 }),
        json!({ "type": "error_after", "status": 502 }),
    ] {
        shop.sandbox.once("confirm", paid).await;
        shop.place_new(&small_order()).await.assert_created();
        shop.assert_consistent().await;
    }
    // The confirmation may still arrive later, so the stock is kept.
    for unknown in [
        json!({ "type": "refuse" }),
        json!({ "type": "error_before", "status": 500 }),
        json!({ "type": "error_before", "status": 503 }),
    ] {
        shop.sandbox.once("confirm", unknown).await;
        shop.place_new(&small_order()).await.assert_pending();
        shop.assert_consistent().await;
    }
    assert_eq!(shop.database.reserved(WIDGET_A).await, 6);
}

#[tokio::test]
async fn a_payment_that_can_t_be_read_either_is_left_to_the_sweeper() {
    let mut shop = Shop::open().await;
    shop.sandbox
        .plan(json!([
            { "operation": "confirm", "action": { "type": "error_after", "status": 502 } },
            { "operation": "retrieve", "action": { "type": "error_before", "status": 503 } },
        ]))
        .await;
    let key = new_key();
    let pending = shop.place(&key, &small_order()).await;
    pending.assert_pending();
    shop.sweep().await;
    shop.place(&key, &small_order())
        .await
        .assert_replayed(&pending.order_id());
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_gateway_that_refuses_calls_leaves_no_trace_and_the_key_free() {
    let shop = Shop::open().await;
    for (operation, action) in [
        ("create", json!({ "type": "refuse" })),
        ("create", json!({ "type": "error_before", "status": 503 })),
        ("create", json!({ "type": "error_after", "status": 500 })),
        ("confirm", json!({ "type": "error_before", "status": 429 })),
    ] {
        shop.sandbox.once(operation, action.clone()).await;
        let key = new_key();
        let refused = shop.place(&key, &small_order()).await;
        refused.assert_problem(503, "payments.gateway_unavailable");
        let held = shop.database.reserved(WIDGET_A).await;
        shop.place(&key, &small_order()).await.assert_created();
        assert_eq!(shop.database.reserved(WIDGET_A).await, held + 1, "{action}");
        shop.assert_consistent().await;
    }
}

#[tokio::test]
async fn an_unreachable_gateway_leaves_no_trace_and_the_key_can_be_reused() {
    let mut shop = Shop::open().await;
    let levels = shop.database.levels().await;
    shop.sandbox.kill();
    let key = new_key();
    for _ in 0..2 {
        let refused = shop.place(&key, &small_order()).await;
        refused.assert_problem(503, "payments.gateway_unavailable");
        assert_eq!(shop.database.levels().await, levels);
    }
    shop.sandbox.restart().await;
    let placed = shop.place(&key, &small_order()).await;
    placed.assert_created();
    shop.place(&key, &small_order())
        .await
        .assert_replayed(&placed.order_id());
    shop.assert_consistent().await;
}

#[tokio::test]
async fn the_sweeper_waits_for_an_unreachable_gateway() {
    let mut shop = Shop::open_with(IMPATIENT).await;
    shop.sandbox
        .once("confirm", json!({ "type": "no_answer_after" }))
        .await;
    let order_id = {
        let pending = shop.place_new(&small_order()).await;
        pending.assert_pending();
        pending.order_id()
    };
    shop.sandbox.kill();
    shop.api.process.kill();
    shop.database.make_due().await;
    shop.restart(&[SWEEPING]).await;
    until("the sweeper has tried", async || {
        let sql = "SELECT count(*) FROM orders.reconciliations WHERE tries > 0";
        shop.database.number(sql).await == 1
    })
    .await;
    assert_eq!(shop.database.status(&order_id).await, "PENDING_PAYMENT");
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);

    shop.sandbox.restart().await;
    assert_eq!(shop.ended(&order_id).await, "PAID");
    shop.assert_consistent().await;
}
