//! Effects that arrive after their caller has stopped waiting, and keys that the gateway has forgotten.

use serde_json::json;

use super::{IMPATIENT, PATIENT};
use crate::api::{FAILPOINTS, SWEEPING, dies_at};
use crate::ends::{DECLINED, End, NEVER_PREPARED, PRICE};
use crate::eventually::until;
use crate::request::{DECLINED_CARD, WIDGET_A, new_key, small_order, with};
use crate::robustness::killed::place_until_cut_off;
use crate::shop::Shop;

#[tokio::test]
async fn the_gateway_refuses_a_confirmation_after_the_cancellation() {
    let shop = Shop::open_sweeping_on_demand(IMPATIENT).await;
    shop.sandbox.hold("confirm").await;
    let key = new_key();
    let pending = shop.place(&key, &small_order()).await;
    pending.assert_pending();
    let order_id = pending.order_id();
    shop.sweep_within(&order_id, 1).await;
    shop.assert_within_budget().await;

    // After this, only the confirmation's key has a result, once the confirmation was executed.
    shop.sandbox.expire_keys().await;
    shop.sandbox.release().await;
    until("the confirmation arrives", async || {
        shop.sandbox.expire_keys().await == 1
    })
    .await;
    let order = shop.sandbox.order(&order_id).await;
    assert_eq!(order["calls"]["confirm"], 1);
    assert_eq!(order["intents"][0]["status"], "canceled");
    shop.assert_end(&key, &order_id, End::Fenced).await;
}

/// No client can prevent this. The order's records stay unchanged, and the charge without an order is left to the
/// reconciliation with the gateway.
#[tokio::test]
async fn a_charge_that_arrives_after_our_cancellation_is_left_to_reverse_reconciliation() {
    let shop = Shop::open_sweeping_on_demand(PATIENT).await;
    shop.sandbox
        .once("confirm", json!({ "type": "late_effect", "ms": 1 }))
        .await;
    let key = new_key();
    let pending = shop.place(&key, &small_order()).await;
    pending.assert_pending();
    let order_id = pending.order_id();
    shop.sweep_within(&order_id, 1).await;
    assert_eq!(shop.sandbox.charged(&order_id).await, (0, 0));

    shop.sandbox.release().await;
    until("the charge arrives", async || {
        shop.sandbox.charges().await == 1
    })
    .await;
    assert_eq!(shop.sandbox.charged(&order_id).await, (1, PRICE));
    assert_eq!(shop.database.status(&order_id).await, "FAILED");
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    shop.assert_ended_once(&order_id).await;
    shop.assert_within_budget().await;
    let replay = shop.place(&key, &small_order()).await;
    replay.assert_failed("orders.payment_voided");
}

#[tokio::test]
async fn a_payment_is_found_by_its_reference_when_the_gateway_has_forgotten_the_keys() {
    let shop = Shop::open_sweeping_on_demand(PATIENT).await;
    shop.sandbox
        .plan(json!([
            { "operation": "confirm", "action": { "type": "error_after", "status": 502 } },
            { "operation": "retrieve", "action": { "type": "error_before", "status": 503 } },
        ]))
        .await;
    let key = new_key();
    let pending = shop.place(&key, &small_order()).await;
    pending.assert_pending();
    let order_id = pending.order_id();
    assert_eq!(shop.sandbox.expire_keys().await, 2);
    shop.sweep_within(&order_id, 1).await;
    shop.assert_within_budget().await;
    shop.assert_end(&key, &order_id, End::Paid).await;
}

/// Prepares a payment whose answer never arrives, and kills the API meanwhile. Returns the order's key and ID.
async fn prepare_and_kill(shop: &mut Shop) -> (String, String) {
    let key = new_key();
    shop.sandbox
        .once("create", json!({ "type": "no_answer_after" }))
        .await;
    let cut_off = tokio::spawn(place_until_cut_off(shop.customer(), key.clone()));
    until("the payment is prepared", async || {
        shop.sandbox.intents().await == 1
    })
    .await;
    let order_id = shop.only_order().await;
    shop.api.process.kill();
    cut_off.await.unwrap();
    (key, order_id)
}

#[tokio::test]
async fn preparing_a_payment_again_with_its_key_returns_the_same_payment() {
    let mut shop = Shop::open_sweeping_on_demand(PATIENT).await;
    let (key, order_id) = prepare_and_kill(&mut shop).await;
    shop.restart(&[SWEEPING]).await;
    shop.sweep_within(&order_id, 1).await;
    shop.assert_within_budget().await;
    assert_eq!(shop.sandbox.intents().await, 1);
    shop.assert_end(&key, &order_id, End::Fenced).await;
}

#[tokio::test]
async fn preparing_a_payment_again_with_a_forgotten_key_charges_nobody_twice() {
    let mut shop = Shop::open_sweeping_on_demand(PATIENT).await;
    let (key, order_id) = prepare_and_kill(&mut shop).await;
    assert_eq!(shop.sandbox.expire_keys().await, 1);
    shop.restart(&[SWEEPING]).await;
    shop.sweep_within(&order_id, 1).await;
    shop.assert_within_budget().await;
    // The reference of the first payment is stored nowhere, so nobody can confirm it.
    let order = shop.sandbox.order(&order_id).await;
    let intents = order["intents"].as_array().unwrap().iter();
    let statuses: Vec<_> = intents.map(|intent| &intent["status"]).collect();
    assert_eq!(statuses, ["requires_payment_method", "canceled"]);
    shop.assert_end(&key, &order_id, End::Fenced).await;
}

#[tokio::test]
async fn a_500_replayed_for_the_preparation_s_key_ends_the_order() {
    let mut shop =
        Shop::open_sweeping_on_demand(&[(FAILPOINTS, &dies_at("orders.collected"))]).await;
    shop.sandbox
        .once("create", json!({ "type": "error_after", "status": 500 }))
        .await;
    let key = new_key();
    let cut_off = tokio::spawn(place_until_cut_off(shop.customer(), key.clone()));
    shop.api.process.ended().await;
    cut_off.await.unwrap();
    let order_id = shop.only_order().await;
    shop.restart(&[SWEEPING]).await;
    shop.sweep_within(&order_id, 1).await;
    shop.assert_within_budget().await;
    let order = shop.sandbox.order(&order_id).await;
    assert_eq!(order["calls"]["create"], 2);
    assert_eq!(
        order["intents"][0]["status"], "requires_payment_method",
        "{order}"
    );
    shop.assert_end(&key, &order_id, NEVER_PREPARED).await;
}

#[tokio::test]
async fn a_500_that_hides_a_decline_fails_the_order_immediately() {
    let shop = Shop::open_sweeping_on_demand(PATIENT).await;
    let key = new_key();
    let declined = with(small_order(), "creditCardNumber", json!(DECLINED_CARD));
    shop.sandbox
        .once("confirm", json!({ "type": "error_after", "status": 500 }))
        .await;
    let answer = shop.place(&key, &declined).await;
    answer.assert_failed("orders.payment_declined");
    let order_id = answer.order_id();
    shop.assert_within_budget().await;
    shop.assert_end_of(&declined, &key, &order_id, DECLINED)
        .await;
}
