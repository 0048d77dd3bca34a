//! Readiness: its answers, and the cost of asking.

use std::time::Instant;

use futures_util::future::join_all;
use serde_json::json;

use crate::eventually::until;
use crate::raw::{RawConnection, status};
use crate::request::small_order;
use crate::shop::Shop;

/// Connections of the tests' pool.
const POOL: usize = 8;

#[tokio::test]
async fn a_read_only_database_is_not_ready_until_it_accepts_changes_again() {
    let mut shop = Shop::open().await;
    shop.place_new(&small_order()).await.assert_created();
    let maintenance = shop.database.maintenance().await;
    maintenance.set("default_transaction_read_only = on").await;
    maintenance.cut_connections().await;
    until("the server is not ready", async || {
        let answer = shop.get("/health/ready").await;
        answer.status == 503 && answer.body["checks"]["database"] == "read_only"
    })
    .await;
    assert_eq!(shop.get("/health").await.status, 503);
    assert_eq!(shop.get("/health/live").await.status, 200);
    for _ in 0..3 {
        let refused = shop.place_new(&small_order()).await;
        refused.assert_problem(503, "service.database_unavailable");
    }
    // Existing sessions stay read-only, so they must not be used any longer.
    maintenance.reset("default_transaction_read_only").await;
    until("the server is ready", async || {
        shop.get("/health/ready").await.status == 200
    })
    .await;
    until("orders are accepted", async || {
        shop.place_new(&small_order()).await.status == 201
    })
    .await;
    // Each session that stayed read-only refuses one more order and is closed then.
    let mut refused = 0;
    for _ in 0..20 {
        let answer = shop.place_new(&small_order()).await;
        refused += usize::from(answer.status != 201);
    }
    assert!(refused < POOL, "{refused} orders were refused");
    shop.place_new(&small_order()).await.assert_created();
    shop.database.reconnect().await;
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_server_with_an_exhausted_pool_is_ready() {
    let shop = Shop::open_with(&[("OMS_DATABASE_MAX_CONNECTIONS", "2")]).await;
    let locked = shop.database.lock_orders().await;
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let customer = shop.customer();
            tokio::spawn(async move { customer.get("/orders").await })
        })
        .collect();
    until("the pool is exhausted", async || {
        shop.metric("oms_database_connections{state=\"awaited\"}")
            .await
            != Some("0".to_owned())
    })
    .await;
    let asking = (0..200).map(|_| shop.get("/health/ready"));
    for answer in join_all(asking).await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    // The pool has two, this test locks the table with one, and readiness checks have one, regardless of their number.
    let connections = shop.database.connections().await;
    assert!(connections.len() <= 4, "{connections:?}");
    drop(locked);
    for answer in waiting {
        let answer = answer.await.unwrap();
        assert!([200, 503].contains(&answer.status), "{answer:?}");
    }
}

#[tokio::test]
async fn a_batch_that_exceeds_its_maximum_age_makes_the_server_unready() {
    let settings = [
        ("OMS_INTAKE_TIMEOUT_MS", "1000"),
        ("OMS_INTAKE_OVERDUE_MS", "500"),
    ];
    let shop = Shop::open_with(&settings).await;
    let order_id = shop.paid().await;
    let ready = shop.get("/health/ready").await;
    let checks = json!({ "database": "ok", "migrations": "ok", "batches": "ok" });
    assert_eq!((ready.status, &ready.body["checks"]), (200, &checks));
    // Requests that read an order wait for the table. The database answers everything else.
    let locked = shop.database.lock_orders().await;
    let customer = shop.customer();
    let path = format!("/orders/{order_id}");
    let reading = tokio::spawn(async move { customer.get(&path).await });
    until("the server is not ready", async || {
        let answer = shop.get("/health/ready").await;
        let checks = json!({ "database": "ok", "migrations": "ok", "batches": "stuck" });
        answer.status == 503 && answer.body["checks"] == checks
    })
    .await;
    assert_eq!(shop.get("/health").await.status, 503);
    assert_eq!(shop.get("/health/live").await.status, 200);
    drop(locked);
    assert_eq!(reading.await.unwrap().status, 200);
    let ended = Instant::now();
    until("the server is ready", async || {
        shop.get("/health/ready").await.status == 200
    })
    .await;
    // The check reflects the end of the batch immediately, because the state of batches is not cached.
    println!("ready {:?} after the batch", ended.elapsed());
}

#[tokio::test]
async fn many_readiness_checks_do_not_delay_orders() {
    // The workers that look often do not look while this test runs.
    let shop = Shop::open_with(&[
        ("OMS_MAX_IN_FLIGHT", "2"),
        ("OMS_EVENTS_INTERVAL_MS", "3600000"),
        ("OMS_SWEEP_INTERVAL_MS", "3600000"),
        ("OMS_GATEWAY_EVENTS_INTERVAL_MS", "3600000"),
    ])
    .await;
    shop.place_new(&small_order()).await.assert_created();
    let asking = (0..300).map(async |_| {
        let mut connection = RawConnection::open(&shop.api.url).await;
        let request = "GET /health/ready HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(10);
        connection.send(request.as_bytes()).await;
        connection
    });
    let asking = join_all(asking).await;
    let before = shop
        .metric_sum("oms_database_connection_wait_seconds_count")
        .await;
    shop.place_new(&small_order()).await.assert_created();
    let after = shop
        .metric_sum("oms_database_connection_wait_seconds_count")
        .await;
    for mut connection in asking {
        assert_eq!(status(&connection.answer().await), 200);
    }
    // 3,000 checks used no connection of the pool; only the order and the workers did.
    assert!(
        after - before < 150,
        "{} waits for a connection",
        after - before
    );
}
