//! The content of `/metrics` after requests.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::eventually::until;
use crate::raw::{RawConnection, post};
use crate::request::{
    ATLANTA, DECLINED_CARD, SPLIT_EAST, SPLIT_WEST, UNKNOWN_ADDRESS, WIDGET_A, new_key, order,
    small_order, with,
};
use crate::shop::Shop;
use crate::stock::ATLANTA_WAREHOUSE;

impl Shop {
    async fn assert_metrics(&self, expected: &[(&str, &str)]) {
        for (series, value) in expected {
            assert_eq!(
                self.metric(series).await.as_deref(),
                Some(*value),
                "{series}"
            );
        }
    }
}

#[tokio::test]
async fn requests_are_counted_by_route_method_and_status_class() {
    let shop = Shop::open().await;
    let placed = shop.place_new(&small_order()).await;
    placed.assert_created();
    let declined = with(small_order(), "creditCardNumber", json!(DECLINED_CARD));
    shop.place_new(&declined)
        .await
        .assert_failed("orders.payment_declined");
    shop.order(&placed.order_id()).await;
    for id in [new_key(), new_key()] {
        assert_eq!(shop.get(&format!("/orders/{id}")).await.status, 404);
    }
    assert_eq!(shop.get("/no/such/place").await.status, 404);
    let customer = shop.customer();
    let wrong = customer.request(Method::DELETE, "/orders").send().await;
    assert_eq!(wrong.unwrap().status(), 405);

    let requests = "oms_http_requests_total";
    let seconds = "oms_http_request_duration_seconds_count";
    for (route, method, status, count) in [
        ("/orders", "POST", "2xx", "1"),
        ("/orders", "POST", "4xx", "1"),
        ("/orders", "POST", "5xx", "0"),
        ("/orders/{id}", "GET", "2xx", "1"),
        ("/orders/{id}", "GET", "4xx", "2"),
        ("other", "other", "4xx", "2"),
    ] {
        let labels = format!("{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}");
        shop.assert_metrics(&[(&format!("{requests}{labels}"), count)])
            .await;
    }
    for (route, method, count) in [("/orders", "POST", "2"), ("/orders/{id}", "GET", "3")] {
        let labels = format!("{{method=\"{method}\",route=\"{route}\"}}");
        shop.assert_metrics(&[(&format!("{seconds}{labels}"), count)])
            .await;
    }
    let text = shop.metrics().await;
    let unused = "oms_http_requests_total{method=\"GET\",route=\"/orders\"";
    assert!(
        !text.contains(unused),
        "a route that nobody used has a series"
    );
    // No text of a client becomes a label.
    assert!(!text.contains(&placed.order_id()) && !text.contains("/no/such"));
}

#[tokio::test]
async fn a_client_that_disconnects_is_counted_separately() {
    let shop = Shop::open().await;
    shop.sandbox.hold("confirm").await;
    let mut connection = RawConnection::open(&shop.api.url).await;
    let request = post(&new_key(), &small_order().to_string());
    connection.send(request.as_bytes()).await;
    shop.sandbox.called("confirm", 1).await;
    shop.assert_metrics(&[("oms_http_requests_in_flight", "1")])
        .await;
    connection.reset();
    let gone = "oms_http_requests_total{method=\"POST\",route=\"/orders\",status=\"none\"}";
    until("it is counted", async || {
        shop.metric(gone).await.as_deref() == Some("1")
    })
    .await;
    shop.assert_metrics(&[("oms_http_requests_in_flight", "0")])
        .await;
    shop.sandbox.release().await;
    // The order does not depend on its client.
    until("it is paid", async || {
        let paid = shop.metric("oms_orders_total{outcome=\"paid\"}").await;
        paid.as_deref() == Some("1")
    })
    .await;
}

#[tokio::test]
async fn orders_are_counted_by_outcome() {
    let shop = Shop::open().await;
    let (key, declined_key) = (new_key(), new_key());
    let declined = with(small_order(), "creditCardNumber", json!(DECLINED_CARD));
    for _ in 0..3 {
        shop.place(&key, &small_order()).await;
        shop.place(&declined_key, &declined).await;
    }
    let other = order(ATLANTA, &[(WIDGET_A, 2)]);
    assert_eq!(shop.place(&key, &other).await.status, 422);
    for items in [
        [(SPLIT_EAST, 1), (SPLIT_WEST, 1)].as_slice(),
        &[(ATLANTA_WAREHOUSE, 1)],
    ] {
        assert_eq!(shop.place_new(&order(ATLANTA, items)).await.status, 422);
    }
    let nowhere = order(UNKNOWN_ADDRESS, &[(WIDGET_A, 1)]);
    assert_eq!(shop.place_new(&nowhere).await.status, 400);
    let series = [
        ("paid", "1"),
        ("declined", "1"),
        ("replayed", "4"),
        ("key_reused", "1"),
        ("no_warehouse", "1"),
        ("not_sold", "1"),
        ("address_not_found", "1"),
        ("out_of_stock", "0"),
        ("pending", "0"),
    ];
    for (outcome, count) in series {
        let series = format!("oms_orders_total{{outcome=\"{outcome}\"}}");
        shop.assert_metrics(&[(&series, count)]).await;
    }
}

#[tokio::test]
async fn queues_and_batches_are_measured_by_kind() {
    let shop = Shop::open().await;
    let customer = shop.customer();
    let orders = (0..12).map(|_| {
        let customer = customer.clone();
        async move { customer.place(&new_key(), &small_order()).await }
    });
    for placed in join_all(orders).await {
        placed.assert_created();
    }
    for kind in ["look_up", "place", "store_reference", "end_paid"] {
        shop.assert_metrics(&[
            (&format!("oms_batch_size_sum{{kind=\"{kind}\"}}"), "12"),
            (&format!("oms_batch_queue_length{{kind=\"{kind}\"}}"), "0"),
            (&format!("oms_batch_refused_total{{kind=\"{kind}\"}}"), "0"),
        ])
        .await;
        let batches = format!("oms_batch_size_count{{kind=\"{kind}\"}}");
        let batches: u64 = shop.metric(&batches).await.unwrap().parse().unwrap();
        assert!((1..=12).contains(&batches), "{kind}: {batches}");
    }
    // Each transaction that holds stock locks it once, and all of them got a connection.
    let locks = shop.metric("oms_stock_lock_seconds_count").await;
    assert_eq!(
        locks,
        shop.metric("oms_batch_size_count{kind=\"place\"}").await
    );
    shop.assert_metrics(&[
        ("oms_database_connections_max", "8"),
        ("oms_database_connections{state=\"awaited\"}", "0"),
        ("oms_database_failures_total{reason=\"no_connection\"}", "0"),
    ])
    .await;
    let waits = shop
        .metric("oms_database_connection_wait_seconds_count")
        .await;
    assert!(waits.unwrap().parse::<u64>().unwrap() > 12);
}

#[tokio::test]
async fn lock_time_outs_and_the_waits_for_them_are_counted() {
    let impatient = [
        ("OMS_DATABASE_LOCK_TIMEOUT_MS", "1500"),
        ("OMS_INTAKE_TIMEOUT_MS", "3000"),
    ];
    let shop = Shop::open_with(&impatient).await;
    shop.database
        .execute("BEGIN; UPDATE inventory.stock_levels SET on_hand = on_hand")
        .await;
    let refused = shop.place_new(&small_order()).await;
    refused.assert_problem(503, "orders.contended");
    shop.database.execute("ROLLBACK").await;
    shop.assert_metrics(&[
        ("oms_database_failures_total{reason=\"lock_timeout\"}", "1"),
        ("oms_database_failures_total{reason=\"deadlock\"}", "0"),
        ("oms_stock_lock_seconds_bucket{le=\"0.005\"}", "0"),
        ("oms_stock_lock_seconds_count", "1"),
        ("oms_orders_total{outcome=\"out_of_stock\"}", "1"),
    ])
    .await;
}

#[tokio::test]
async fn refused_requests_are_counted_by_reason() {
    let shop = Shop::open_with(&[
        ("OMS_MAX_IN_FLIGHT", "1"),
        ("OMS_RATE_LIMIT_PER_MINUTE", "1"),
        ("OMS_RATE_LIMIT_BURST", "2"),
    ])
    .await;
    shop.sandbox.hold("confirm").await;
    let customer = shop.customer();
    let held = tokio::spawn(async move { customer.place(&new_key(), &small_order()).await });
    shop.sandbox.called("confirm", 1).await;
    for _ in 0..3 {
        let turned_away = shop.get("/orders/x").await;
        turned_away.assert_problem(503, "service.overloaded");
    }
    shop.sandbox.release().await;
    held.await.unwrap().assert_created();
    assert_eq!(shop.get("/orders/x").await.status, 404);
    let too_often = shop.get("/orders/x").await;
    too_often.assert_problem(429, "access.rate_limited");
    shop.assert_metrics(&[
        ("oms_http_turned_away_total{reason=\"overloaded\"}", "3"),
        ("oms_http_turned_away_total{reason=\"rate_limited\"}", "1"),
    ])
    .await;
}
