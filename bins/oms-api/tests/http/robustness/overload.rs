//! More concurrent requests than allowed.

use futures_util::future::join_all;

use crate::eventually::until;
use crate::raw::{RawConnection, post};
use crate::request::{new_key, small_order};
use crate::shop::Shop;

#[tokio::test]
async fn requests_beyond_the_limit_are_refused_but_health_checks_are_not() {
    let shop = Shop::open_with(&[("OMS_MAX_IN_FLIGHT", "2")]).await;
    shop.sandbox.hold("confirm").await;
    let customers: Vec<_> = (0..2)
        .map(|_| {
            let customer = shop.customer();
            tokio::spawn(async move { customer.place(&new_key(), &small_order()).await })
        })
        .collect();
    shop.sandbox.called("confirm", 2).await;

    for _ in 0..3 {
        let turned_away = shop.place_new(&small_order()).await;
        turned_away.assert_problem(503, "service.overloaded");
        let turned_away = shop.get("/orders/x").await;
        turned_away.assert_problem(503, "service.overloaded");
        for path in ["/health", "/health/live", "/health/ready"] {
            assert_eq!(shop.get(path).await.status, 200, "{path}");
        }
    }
    shop.sandbox.release().await;
    for answer in join_all(customers).await {
        answer.unwrap().assert_created();
    }
    let answer = shop.get("/orders/x").await;
    answer.assert_problem(404, "orders.not_found");
    assert_eq!(shop.database.orders().await, 2);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_client_that_disconnects_frees_its_place() {
    let shop = Shop::open_with(&[("OMS_MAX_IN_FLIGHT", "1")]).await;
    shop.sandbox.hold("confirm").await;
    for calls in 1..=3 {
        let mut connection = RawConnection::open(&shop.api.url).await;
        let request = post(&new_key(), &small_order().to_string());
        connection.send(request.as_bytes()).await;
        shop.sandbox.called("confirm", calls).await;
        let turned_away = shop.get("/orders/x").await;
        turned_away.assert_problem(503, "service.overloaded");
        connection.reset();
        let is_free = async || shop.get("/orders/x").await.status == 404;
        until("the place is free again", is_free).await;
    }
}
