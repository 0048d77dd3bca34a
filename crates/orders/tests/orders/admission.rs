//! New orders don't use up all connections.

use std::sync::Arc;

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use oms_database::Connection;
use oms_orders::{OrderSettings, PlacedOrder, get_order};
use oms_testing::gateway::Confirm;
use tokio::task::{JoinSet, yield_now};

use crate::shop::{Shop, settings, tenant};

/// How many sessions of this database wait for a lock.
pub async fn waiting(connection: &mut Connection) -> i64 {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        sessions: i64,
    }
    let sql = "SELECT count(*) AS sessions FROM pg_stat_activity
               WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let row: Row = diesel::sql_query(sql).get_result(connection).await.unwrap();
    row.sessions
}

#[tokio::test(flavor = "multi_thread")]
async fn other_requests_find_a_connection_while_new_orders_queue_for_hot_stock() {
    let one_by_one = OrderSettings {
        batch_max: 1,
        ..settings()
    };
    let shop = Arc::new(Shop::open_with(Confirm::Pays, one_by_one).await);
    let Ok(PlacedOrder::Paid(earlier)) = shop.order("first").await else {
        panic!("not paid")
    };

    let mut holder = shop.database.connect().await;
    holder
        .batch_execute("BEGIN; SELECT FROM inventory.stock_levels FOR UPDATE")
        .await
        .unwrap();
    let mut buyers = JoinSet::new();
    for number in 0..20 {
        let shop = shop.clone();
        buyers.spawn(async move { shop.order(&format!("k{number}")).await });
    }
    while shop.context.batch_counts().arrivals.parked < 20 {
        yield_now().await;
    }
    let mut observer = shop.database.connect().await;
    assert_eq!(waiting(&mut observer).await, 0);
    assert!(get_order(&shop.context, tenant(), earlier.id).await.is_ok());

    holder.batch_execute("ROLLBACK").await.unwrap();
    let answers = buyers.join_all().await;
    let paid = answers
        .iter()
        .filter(|answer| matches!(answer, Ok(PlacedOrder::Paid(_))))
        .count();
    assert_eq!(
        paid, 2,
        "there were ten units, and each order takes three: {answers:?}"
    );
}
