//! A database that closes connections or is unreachable.

use crate::eventually::until;
use crate::request::{WIDGET_A, new_key, small_order};
use crate::shop::Shop;

#[tokio::test]
async fn a_server_without_its_database_answers_503_and_recovers() {
    let mut shop = Shop::open().await;
    let key = new_key();
    let placed = shop.place_new(&small_order()).await;
    let maintenance = shop.database.maintenance().await;
    maintenance.take_away().await;

    for path in ["/health", "/health/ready"] {
        let answer = shop.get(path).await;
        assert_eq!(
            (answer.status, &answer.body["status"]),
            (503, &"unavailable".into()),
            "{answer:?}"
        );
    }
    assert_eq!(shop.get("/health/live").await.status, 200);
    let refused = shop.place(&key, &small_order()).await;
    refused.assert_problem(503, "service.database_unavailable");
    let unread = shop.get(&format!("/orders/{}", placed.order_id())).await;
    unread.assert_problem(503, "service.database_unavailable");
    for answer in [&refused, &unread] {
        assert!(!answer.text.contains(&shop.database.name()), "{answer:?}");
    }

    maintenance.give_back().await;
    until("the server is healthy again", async || {
        shop.get("/health").await.status == 200
    })
    .await;
    shop.place(&key, &small_order()).await.assert_created();
    shop.database.reconnect().await;
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_pool_recovers_after_all_of_its_connections_were_closed() {
    let mut shop = Shop::open().await;
    shop.place_new(&small_order()).await.assert_created();
    let maintenance = shop.database.maintenance().await;
    for round in 1..=3 {
        assert!(maintenance.cut_connections().await >= 2);
        let answer = shop
            .customer()
            .place_persistently(&new_key(), &small_order())
            .await;
        answer.assert_created();
        shop.database.reconnect().await;
        assert_eq!(shop.database.reserved(WIDGET_A).await, round + 1);
    }
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_order_is_paid_after_its_database_was_unreachable_during_the_payment() {
    let mut shop = Shop::open().await;
    shop.sandbox.hold("confirm").await;
    let (key, customer) = (new_key(), shop.customer());
    let waiting = tokio::spawn({
        let key = key.clone();
        async move { customer.place(&key, &small_order()).await }
    });
    shop.sandbox.called("confirm", 1).await;
    let order_id = shop.pending_order().await;
    let maintenance = shop.database.maintenance().await;
    maintenance.take_away().await;
    shop.sandbox.release().await;
    // The payment is captured, but its outcome can't be stored.
    let pending = waiting.await.unwrap();
    pending.assert_pending();
    assert_eq!(pending.order_id(), order_id);

    maintenance.give_back().await;
    shop.database.reconnect().await;
    shop.sweep().await;
    shop.place(&key, &small_order())
        .await
        .assert_replayed(&order_id);
    shop.assert_consistent().await;
}
