//! Background workers that end before the program does.

use serde_json::json;

use crate::api::{FAILPOINTS, SWEEPING};
use crate::eventually::until;
use crate::request::small_order;
use crate::shop::Shop;

#[tokio::test]
async fn a_sweeper_that_panics_is_restarted_and_settles_the_order() {
    let mut shop = Shop::open().await;
    let down = json!({ "type": "error_before", "status": 500 });
    shop.sandbox.once("confirm", down).await;
    let placed = shop.place_new(&small_order()).await;
    placed.assert_pending();
    let order_id = placed.order_id();

    shop.api.process.kill();
    shop.restart(&[SWEEPING, (FAILPOINTS, "orders.claimed=1*panic")])
        .await;
    shop.database.make_due().await;
    let reported = "a background worker ended unexpectedly, and is restarted";
    let line = shop.api.logged(reported).await;
    assert_eq!(
        (&line["level"], &line["worker"]),
        (&json!("ERROR"), &json!("sweeper"))
    );
    until("the restarted sweeper settles the order", async || {
        shop.database.pass_a_second().await;
        shop.database.status(&order_id).await == "FAILED"
    })
    .await;
    let restarts = "oms_worker_restarts_total{worker=\"sweeper\"}";
    assert_eq!(shop.metric(restarts).await.as_deref(), Some("1"));
    let age = "oms_worker_turn_age_seconds{worker=\"sweeper\"}";
    assert!(shop.metric(age).await.is_some());
    assert!(shop.api.process.is_running());
}
