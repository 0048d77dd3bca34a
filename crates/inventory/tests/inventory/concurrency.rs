//! Reservations on many concurrent connections.

use std::sync::Arc;

use oms_database::{Connection, DbError, transaction};
use oms_inventory::{ReservationRequest, ReserveOutcome, release, reserve, route};
use oms_testing::TestDatabase;
use oms_validation::OrderId;
use rand::RngExt;
use rand::seq::SliceRandom;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::fixture::*;

const BUYERS: usize = 200;
const LAST_UNITS: i32 = 50;

async fn connections(database: &TestDatabase, count: usize) -> Vec<Connection> {
    let mut connections = Vec::new();
    for _ in 0..count {
        connections.push(database.connect().await);
    }
    connections
}

/// Routes and reserves like an order, and routes again if the route is stale.
async fn buy(
    connection: &mut Connection,
    lines: &[(usize, i32)],
) -> Result<Option<OrderId>, DbError> {
    let demand = demand(lines);
    loop {
        let route = route(connection, tenant(), atlanta(), &demand).await?;
        let Some(chosen) = route.chosen else {
            return Ok(None);
        };
        let order_id = OrderId::generate();
        let request = ReservationRequest {
            holder: order_id.into(),
            warehouse_id: chosen.id,
            demand: &demand,
        };
        let outcomes = transaction(connection, async |connection| {
            reserve(connection, tenant(), &[request]).await
        })
        .await?;
        if outcomes[0] == ReserveOutcome::Reserved {
            return Ok(Some(order_id));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_buyers_of_the_last_fifty_units_get_exactly_fifty() {
    let (database, mut connection) = store_with(&[&[LAST_UNITS]]).await;
    let barrier = Arc::new(Barrier::new(BUYERS));
    let mut buyers = JoinSet::new();
    for mut connection in connections(&database, BUYERS).await {
        let barrier = barrier.clone();
        buyers.spawn(async move {
            barrier.wait().await;
            buy(&mut connection, &[(0, 1)]).await.unwrap()
        });
    }
    let sold = buyers.join_all().await.into_iter().flatten().count();
    assert_eq!(sold, LAST_UNITS as usize);
    assert_eq!(
        number(
            &mut connection,
            "SELECT sum(reserved) FROM inventory.stock_levels"
        )
        .await,
        50
    );
    assert_levels(&mut connection).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_concurrent_releases_of_one_order_release_its_stock_once() {
    const RELEASES: usize = 20;
    let (database, mut connection) = store_with(&[&[9, 9]]).await;
    buy(&mut connection, &[(0, 1), (1, 1)]).await.unwrap();
    let order_id = buy(&mut connection, &[(0, 2), (1, 3)])
        .await
        .unwrap()
        .unwrap();
    let barrier = Arc::new(Barrier::new(RELEASES));
    let mut releases = JoinSet::new();
    for mut connection in connections(&database, RELEASES).await {
        let barrier = barrier.clone();
        releases.spawn(async move {
            barrier.wait().await;
            transaction(&mut connection, async |connection| {
                release(connection, tenant(), order_id.into()).await
            })
            .await
            .unwrap()
        });
    }
    let units: i64 = releases.join_all().await.into_iter().sum();
    assert_eq!(units, 5);
    assert_levels(&mut connection).await;
}

/// 32 connections reserve 25 baskets each, with products in random order, and release most of them.
#[tokio::test(flavor = "multi_thread")]
async fn baskets_of_shuffled_products_never_deadlock_and_conserve_stock() {
    const CONNECTIONS: usize = 32;
    const PRODUCTS: usize = 20;
    const BASKETS: usize = 25;
    let (database, mut connection) = store_with(&[&[400; PRODUCTS], &[300; PRODUCTS]]).await;
    let mut shoppers = JoinSet::new();
    for mut connection in connections(&database, CONNECTIONS).await {
        shoppers.spawn(async move {
            let mut placed = 0;
            for _ in 0..BASKETS {
                let mut basket: Vec<(usize, i32)> = (0..PRODUCTS).map(|p| (p, 1)).collect();
                basket.shuffle(&mut rand::rng());
                basket.truncate(10);
                let order = buy(&mut connection, &basket).await.unwrap();
                placed += usize::from(order.is_some());
                // A few orders are kept, so that stock runs low and warehouses change.
                let keep = rand::rng().random_ratio(1, 50);
                if let Some(order_id) = order.filter(|_| !keep) {
                    transaction(&mut connection, async |connection| {
                        release(connection, tenant(), order_id.into()).await
                    })
                    .await
                    .unwrap();
                }
            }
            placed
        });
    }
    let placed: usize = shoppers.join_all().await.into_iter().sum();
    assert!(placed > CONNECTIONS, "only {placed} baskets were placed");
    run(&mut connection, "SELECT pg_stat_clear_snapshot()").await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(number(&mut connection, deadlocks).await, 0);
    assert_levels(&mut connection).await;
}
