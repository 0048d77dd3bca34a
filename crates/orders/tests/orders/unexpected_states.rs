//! A compare-and-set that changes nothing under a lock is an error and a rollback, in every build.

use oms_database::DbError;
use oms_orders::{OrderError, ReversingError, sweep_orders};
use oms_testing::gateway::{Confirm, Refunding};

use crate::shop::Shop;

/// Makes the database ignore each update that would set `column` to `value`, as if the row had changed under its lock.
async fn ignore(shop: &Shop, table: &str, column: &str, value: &str) {
    shop.execute(&format!(
        "CREATE FUNCTION ignore_update() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TRIGGER ignore_update BEFORE UPDATE ON {table} FOR EACH ROW
         WHEN (NEW.{column} = '{value}') EXECUTE FUNCTION ignore_update();"
    ))
    .await;
}

fn assert_unexpected<T: std::fmt::Debug>(answer: Result<T, ReversingError>) {
    match answer {
        Err(ReversingError::Order(OrderError::Database(DbError::UnexpectedState(_)))) => {}
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_refund_whose_order_or_attempt_cannot_be_changed_never_starts() {
    for (table, column, value) in [
        ("orders.orders", "status", "REFUNDING"),
        ("payments.attempts", "state", "refunding"),
    ] {
        let shop = Shop::open(Confirm::Pays).await;
        let order_id = shop.paid("k").await;
        let before = shop.state().await;
        ignore(&shop, table, column, value).await;
        assert_unexpected(shop.refund(order_id, "a", Some(100)).await);
        assert_eq!(shop.state().await, before, "{table}");
        assert_eq!(shop.refunds().await, "", "{table}");
        assert_eq!(shop.gateway.net_minor(), 300, "{table}");
    }
}

#[tokio::test]
async fn a_refund_whose_order_or_attempt_cannot_be_changed_does_not_end() {
    for (table, column, value) in [
        ("orders.orders", "status", "REFUNDED"),
        ("payments.attempts", "state", "refunded"),
    ] {
        let shop = Shop::open(Confirm::Pays).await;
        let order_id = shop.paid("k").await;
        shop.gateway.refunds(Refunding::IsLost);
        shop.refund(order_id, "a", None).await.unwrap();
        let before = shop.state().await;
        assert!(before.starts_with("REFUNDING 3 "), "{before}");
        shop.gateway.refunds(Refunding::Pays);
        ignore(&shop, table, column, value).await;
        let summary = sweep_orders(&shop.context).await.unwrap();
        assert_eq!(summary.postponed, 1, "{summary:?}");
        assert_eq!(shop.state().await, before, "{table}");
        assert_eq!(shop.refunds().await, "pending 300", "{table}");
    }
}

#[tokio::test]
async fn a_cancellation_whose_order_cannot_be_changed_never_starts() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let before = shop.state().await;
    ignore(&shop, "orders.orders", "status", "CANCELLING").await;
    assert_unexpected(shop.cancel(order_id).await);
    assert_eq!(shop.state().await, before);
    assert_eq!(shop.gateway.net_minor(), 300);
}
