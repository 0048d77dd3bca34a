//! The gateway's circuit breaker.

use serde_json::{Value, json};

use crate::eventually::until;
use crate::request::{ATLANTA, DECLINED_CARD, UNKNOWN_ADDRESS, WIDGET_A, order, small_order, with};
use crate::shop::Shop;

const BREAKER: &str = "oms_breaker_state{breaker=\"stripe\"}";

/// Makes the gateway reset all connections until the breaker opens. Meanwhile every order is refused without a trace.
pub async fn open_breaker(shop: &Shop, order: &Value) {
    shop.sandbox
        .always("any", json!({ "type": "refuse" }))
        .await;
    until("the breaker opens", async || {
        let refused = shop.place_new(order).await;
        refused.assert_problem(503, "payments.gateway_unavailable");
        shop.metric(BREAKER).await.as_deref() == Some("2")
    })
    .await;
}

/// Checks that an order is refused without a gateway call. On a slow machine the breaker's pause may be over; then the
/// check is repeated, because the probe fails and the next pause is longer.
pub async fn assert_refused_at_once(shop: &Shop, order: &Value) {
    until("an order is refused without a gateway call", async || {
        let calls = shop.sandbox.calls("create").await;
        let orders = shop.database.orders().await;
        let refused = shop.place_new(order).await;
        refused.assert_problem(503, "payments.gateway_unavailable");
        let unasked = shop.sandbox.calls("create").await == calls;
        assert!(!unasked || shop.database.orders().await == orders);
        unasked
    })
    .await;
}

#[tokio::test]
async fn an_open_breaker_refuses_orders_immediately_and_is_in_the_metrics() {
    let shop = Shop::open().await;
    assert_eq!(shop.metric(BREAKER).await.as_deref(), Some("0"));
    open_breaker(&shop, &small_order()).await;
    assert_refused_at_once(&shop, &small_order()).await;
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);

    shop.sandbox.release().await;
    until("a probe closes the breaker", async || {
        shop.place_new(&small_order()).await.status == 201
    })
    .await;
    assert_eq!(shop.metric(BREAKER).await.as_deref(), Some("0"));
    shop.place_new(&small_order()).await.assert_created();
    shop.assert_consistent().await;
}

#[tokio::test]
async fn metrics_are_not_on_the_public_port() {
    let shop = Shop::open().await;
    shop.get("/metrics")
        .await
        .assert_problem(404, "request.route_not_found");
    for series in [
        "oms_build_info",
        "oms_database_connections{state=\"open\"}",
        BREAKER,
    ] {
        assert!(shop.metric(series).await.is_some(), "{series}");
    }
}

#[tokio::test]
async fn client_errors_and_declines_do_not_open_the_breaker() {
    let shop = Shop::open().await;
    for _ in 0..10 {
        let unknown = shop
            .place_new(&order(UNKNOWN_ADDRESS, &[(WIDGET_A, 1)]))
            .await;
        unknown.assert_problem(400, "geocoding.address_not_found");
    }
    let declined = with(
        order(ATLANTA, &[(WIDGET_A, 1)]),
        "creditCardNumber",
        json!(DECLINED_CARD),
    );
    for _ in 0..10 {
        shop.place_new(&declined)
            .await
            .assert_failed("orders.payment_declined");
    }
    shop.place_new(&small_order()).await.assert_created();
    assert_eq!(shop.metric(BREAKER).await.as_deref(), Some("0"));
    shop.assert_consistent().await;
}
