//! Readiness: what it says, and what asking costs.

use std::time::Instant;

use futures_util::future::join_all;
use serde_json::json;

use crate::eventually::until;
use crate::raw::{RawConnection, status};
use crate::request::small_order;
use crate::shop::Shop;

/// Connections of the pool that tests have.
const POOL: usize = 8;

#[tokio::test]
async fn a_database_that_takes_no_changes_is_not_ready_and_is_used_again_when_it_does() {
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
    // The sessions that exist stay read-only: nobody may go on with them.
    maintenance.reset("default_transaction_read_only").await;
    until("the server is ready", async || {
        shop.get("/health/ready").await.status == 200
    })
    .await;
    until("orders are taken", async || {
        shop.place_new(&small_order()).await.status == 201
    })
    .await;
    // Each session that stayed read-only refuses one order more, and is gone then.
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
async fn a_pool_that_is_used_up_leaves_the_server_ready() {
    let shop = Shop::open_with(&[("OMS_DATABASE_MAX_CONNECTIONS", "2")]).await;
    let locked = shop.database.lock_orders().await;
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let customer = shop.customer();
            tokio::spawn(async move { customer.get("/orders").await })
        })
        .collect();
    until("the pool is used up", async || {
        shop.metric("oms_database_connections{state=\"awaited\"}")
            .await
            != Some("0".to_owned())
    })
    .await;
    let asking = (0..200).map(|_| shop.get("/health/ready"));
    for answer in join_all(asking).await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    // The pool has two, this test locks the table with one, and whoever asks how often, there is one more.
    let connections = shop.database.connections().await;
    assert!(connections.len() <= 4, "{connections:?}");
    drop(locked);
    for answer in waiting {
        let answer = answer.await.unwrap();
        assert!([200, 503].contains(&answer.status), "{answer:?}");
    }
}

#[tokio::test]
async fn a_batch_that_is_older_than_its_bound_makes_the_server_unready_until_it_ends() {
    let settings = [
        ("OMS_INTAKE_TIMEOUT_MS", "1000"),
        ("OMS_INTAKE_OVERDUE_MS", "500"),
    ];
    let shop = Shop::open_with(&settings).await;
    let order_id = shop.paid().await;
    let ready = shop.get("/health/ready").await;
    let checks = json!({ "database": "ok", "migrations": "ok", "batches": "ok" });
    assert_eq!((ready.status, &ready.body["checks"]), (200, &checks));
    // Whoever reads an order waits for the table; the database answers everything else.
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
    // It takes as long as it takes to ask: nothing is remembered of the batches.
    println!("ready {:?} after the batch", ended.elapsed());
}

#[tokio::test]
async fn many_who_ask_do_not_keep_orders_waiting() {
    let shop = Shop::open_with(&[("OMS_MAX_IN_FLIGHT", "2")]).await;
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
    // 3,000 questions took nothing of the pool; the order and the workers did.
    assert!(
        after - before < 50,
        "{} waits for a connection",
        after - before
    );
}
