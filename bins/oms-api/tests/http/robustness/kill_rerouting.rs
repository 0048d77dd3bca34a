//! `kill -9` of the API around each commit that moves units to another warehouse, and the required state after the request
//! is repeated or another instance continues.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api::{FAILPOINTS, SWEEPING, dies_at};
use crate::eventually::until;
use crate::request::new_key;
use crate::shop::Shop;
use crate::stock::ATLANTA_WAREHOUSE;

/// Makes evacuations due.
const DUE: &str = "UPDATE fulfilment.evacuations SET due_at = now()";

/// A shop with a paid order of one unit, and its fulfilment order.
async fn paid() -> (Shop, String) {
    let shop = Shop::open().await;
    let order_id = shop.paid().await;
    let work = shop.fulfilment_order_of(&order_id).await;
    (shop, work)
}

async fn will_die_at(shop: &mut Shop, place: &str) {
    shop.api.process.kill();
    shop.restart(&[SWEEPING, (FAILPOINTS, &dies_at(place))])
        .await;
}

/// Sends a request during which the API dies, starts another one, and repeats the request.
async fn dies_and_repeats(shop: &mut Shop, path: &str, body: &Value) -> Answer {
    let key = new_key();
    let request = shop.customer().post(path);
    let request = request.header("idempotency-key", &key).json(body);
    let cut_off = request.send().await;
    assert!(cut_off.is_err(), "{cut_off:?}");
    shop.api.process.ended().await;
    shop.restart(&[SWEEPING]).await;
    shop.post_once(path, &key, body).await
}

async fn moves(shop: &Shop) -> i64 {
    let sql = "SELECT count(*) FROM fulfilment.moves";
    shop.database.number(sql).await
}

#[tokio::test]
async fn units_move_once_after_a_kill_before_or_after_the_commit_of_a_move_or_a_rejection() {
    for (action, body, places) in [
        (
            "move",
            json!({ "reason": "it is nearer" }),
            ["orders.moving", "orders.moved"],
        ),
        (
            "reject",
            json!({ "reason": "not_found", "stock": "write_off" }),
            ["orders.rejecting", "orders.rejected"],
        ),
    ] {
        for (place, is_repeated) in places.into_iter().zip([false, true]) {
            let (mut shop, work) = paid().await;
            will_die_at(&mut shop, place).await;
            let path = format!("/fulfilment-orders/{work}/{action}");
            let again = dies_and_repeats(&mut shop, &path, &body).await;
            assert_eq!(again.body["outcome"], "moved", "{place}: {again:?}");
            let replayed = again.header("idempotent-replayed").is_some();
            assert_eq!(replayed, is_repeated, "{place}");
            assert_eq!(moves(&shop).await, 1, "{place}");
            shop.assert_consistent().await;
        }
    }
}

#[tokio::test]
async fn an_evacuation_starts_once_after_a_kill_before_or_after_its_commit() {
    for place in ["orders.evacuation_starting", "orders.evacuation_started"] {
        let (mut shop, _) = paid().await;
        will_die_at(&mut shop, place).await;
        let path = format!("/warehouses/{ATLANTA_WAREHOUSE}/evacuate");
        let again = dies_and_repeats(&mut shop, &path, &json!({ "reason": "a flood" })).await;
        assert_eq!(again.status, 202, "{place}: {again:?}");
        let evacuations = "SELECT count(*) FROM fulfilment.evacuations";
        assert_eq!(shop.database.number(evacuations).await, 1, "{place}");
        shop.assert_consistent().await;
    }
}

/// A defect that one fulfilment order triggers keeps no other in the warehouse.
#[tokio::test]
async fn an_evacuation_goes_on_after_a_panic() {
    let (mut shop, _) = paid().await;
    shop.paid().await;
    shop.api.process.kill();
    shop.restart(&[SWEEPING, (FAILPOINTS, "orders.evacuating=1*panic")])
        .await;
    let path = format!("/warehouses/{ATLANTA_WAREHOUSE}/evacuate");
    let reason = json!({ "reason": "a flood" });
    let started = shop.post_once(&path, &new_key(), &reason).await;
    assert_eq!(started.status, 202, "{started:?}");
    until("the other order has moved", async || {
        moves(&shop).await >= 1
    })
    .await;
    // The next pass tries the one that has failed again.
    until("both orders have moved", async || {
        let later = "UPDATE fulfilment.evacuations SET due_at = now() WHERE due_at < now() + interval '1 minute'";
        shop.database.execute(later).await;
        moves(&shop).await == 2
    })
    .await;
    shop.assert_consistent().await;
}

#[tokio::test]
async fn another_instance_continues_an_evacuation_after_a_kill_before_or_after_a_commit() {
    for (place, made) in [("orders.evacuating", 0), ("orders.evacuated", 1)] {
        let (mut shop, work) = paid().await;
        shop.paid().await;
        let path = format!("/warehouses/{ATLANTA_WAREHOUSE}/evacuate");
        let started = shop
            .post_once(&path, &new_key(), &json!({ "reason": "a flood" }))
            .await;
        assert_eq!(started.status, 202, "{started:?}");
        // Nothing is due before the API that will die is ready.
        let later = "UPDATE fulfilment.evacuations SET due_at = now() + interval '1 hour'";
        shop.database.execute(later).await;
        will_die_at(&mut shop, place).await;
        shop.database.execute(DUE).await;
        shop.api.process.ended().await;
        assert_eq!(moves(&shop).await, made, "{place}");
        shop.restart(&[SWEEPING]).await;
        shop.assert_consistent().await;
        // The lease of the dead instance is over.
        shop.database.execute(DUE).await;
        until("the evacuation has moved both", async || {
            moves(&shop).await == 2
        })
        .await;
        let order = shop.get(&format!("/fulfilment-orders/{work}")).await;
        assert_ne!(order.body["warehouseId"], ATLANTA_WAREHOUSE, "{order:?}");
        shop.assert_consistent().await;
    }
}
