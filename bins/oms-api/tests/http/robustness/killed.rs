//! The process is killed while an order is in progress, and another one settles the order.

use serde_json::json;

use crate::api::SWEEPING;
use crate::request::{WIDGET_A, new_key, small_order};
use crate::shop::{Customer, Shop};

/// Sends an order until its connection is cut. On a slow machine it may be refused first, without a trace.
pub async fn place_until_cut_off(customer: Customer, key: String) {
    let request = || customer.post("/orders").json(&small_order());
    while let Ok(refused) = request().header("idempotency-key", &key).send().await {
        assert_eq!(refused.status(), 503, "{refused:?}");
    }
}

/// Places an order whose call of `operation` gets no answer, and kills the API meanwhile. Returns its key and ID.
async fn place_and_kill(shop: &mut Shop, operation: &str) -> (String, String) {
    let key = new_key();
    let cut_off = tokio::spawn(place_until_cut_off(shop.customer(), key.clone()));
    shop.sandbox.called(operation, 1).await;
    let order_id = shop.pending_order().await;
    shop.api.process.kill();
    shop.database.make_due().await;
    cut_off.await.unwrap();
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);
    (key, order_id)
}

#[tokio::test]
async fn an_order_fails_and_releases_its_stock_after_a_kill_before_its_charge() {
    let mut shop = Shop::open().await;
    shop.sandbox.hold("confirm").await;
    let (key, order_id) = place_and_kill(&mut shop, "confirm").await;
    shop.restart(&[SWEEPING]).await;
    assert_eq!(shop.ended(&order_id).await, "FAILED");
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    // The late confirmation is refused, because the payment was cancelled.
    shop.sandbox.release().await;
    shop.assert_consistent().await;
    shop.place(&key, &small_order())
        .await
        .assert_failed("orders.payment_voided");
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_order_is_paid_after_a_kill_that_follows_its_charge() {
    let mut shop = Shop::open().await;
    shop.sandbox
        .once("confirm", json!({ "type": "no_answer_after" }))
        .await;
    let (key, order_id) = place_and_kill(&mut shop, "confirm").await;
    shop.restart(&[SWEEPING]).await;
    assert_eq!(shop.ended(&order_id).await, "PAID");
    assert_eq!(shop.sandbox.charged(&order_id).await, (1, 1000));
    shop.place(&key, &small_order())
        .await
        .assert_replayed(&order_id);
    let events = shop
        .database
        .rows("SELECT actor, to_status FROM orders.events ORDER BY sequence")
        .await;
    assert_eq!(
        events,
        [["api:local", "PENDING_PAYMENT"], ["sweeper", "PAID"]]
    );
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_order_fails_and_releases_its_stock_after_a_kill_before_its_preparation() {
    let mut shop = Shop::open().await;
    shop.sandbox.hold("create").await;
    let (key, order_id) = place_and_kill(&mut shop, "create").await;
    shop.restart(&[SWEEPING, ("OMS_STRIPE_TIMEOUT_MS", "2000")])
        .await;
    assert_eq!(shop.ended(&order_id).await, "FAILED");
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    shop.sandbox.release().await;
    shop.place(&key, &small_order())
        .await
        .assert_failed("orders.payment_voided");
    shop.assert_consistent().await;
}

#[tokio::test]
async fn two_concurrent_sweepers_end_each_order_once() {
    let mut shop = Shop::open().await;
    shop.sandbox.hold("confirm").await;
    let customers: Vec<_> = (0..20)
        .map(|_| tokio::spawn(place_until_cut_off(shop.customer(), new_key())))
        .collect();
    shop.sandbox.called("confirm", 20).await;
    shop.api.process.kill();
    shop.database.make_due().await;
    for customer in customers {
        customer.await.unwrap();
    }
    let orders = shop.pending_orders().await;
    assert_eq!(orders.len(), 20);
    let other = shop.another_api(&[SWEEPING]).await;
    shop.restart(&[SWEEPING]).await;
    for order_id in &orders {
        assert_eq!(shop.ended(order_id).await, "FAILED");
    }
    drop(other);
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    shop.sandbox.release().await;
    shop.assert_consistent().await;
}
