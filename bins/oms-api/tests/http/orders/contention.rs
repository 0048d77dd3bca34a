//! Stock that is taken between routing and locking, repeatedly.

use crate::request::{ATLANTA, GADGET_C, new_key, order};
use crate::shop::Shop;
use crate::store_database::StoreDatabase;

/// How often an order is routed before its client is asked to retry.
const MAX_ROUTINGS: i64 = 5;

impl StoreDatabase {
    /// For the next `times` orders, the stock of the chosen warehouse is gone when they lock it: the transaction that
    /// has just written an order also takes all stock that is left, before it locks any. Rolling the order back to
    /// route it again undoes this, so that the next routing finds the stock. The number of routings in
    /// `public.routings` is not rolled back.
    async fn take_stock_before_lock(&self, times: i64) {
        self.execute(&format!(
            "CREATE SEQUENCE public.routings;
             CREATE FUNCTION public.take_stock() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF nextval('public.routings') <= {times} THEN
                     UPDATE inventory.stock_levels SET reserved = on_hand WHERE warehouse_id = NEW.warehouse_id;
                 END IF;
                 RETURN NULL;
             END $$;
             CREATE TRIGGER take_stock AFTER INSERT ON orders.orders
                 FOR EACH ROW EXECUTE FUNCTION public.take_stock()"
        ))
        .await;
    }

    /// The number of times that an order was written with a chosen warehouse.
    async fn routings(&self) -> i64 {
        self.number("SELECT last_value FROM public.routings").await
    }
}

#[tokio::test]
async fn an_order_whose_stock_is_always_taken_before_the_lock_is_asked_to_retry() {
    let shop = Shop::open().await;
    let (key, gadgets) = (new_key(), order(ATLANTA, &[(GADGET_C, 3)]));
    let levels = shop.database.levels().await;
    shop.database.take_stock_before_lock(MAX_ROUTINGS).await;

    let answer = shop.place(&key, &gadgets).await;
    answer.assert_problem(503, "orders.contended");
    assert_eq!(answer.body["retryable"], true, "{answer:?}");
    assert_eq!(answer.retry_after(), Some(1));
    assert_eq!(shop.database.routings().await, MAX_ROUTINGS);

    // Nothing was kept, and no payment was attempted.
    assert_eq!(shop.database.orders().await, 0);
    for table in [
        "orders.events",
        "orders.reconciliations",
        "payments.attempts",
        "inventory.reservations",
    ] {
        let rows = shop
            .database
            .number(&format!("SELECT count(*) FROM {table}"))
            .await;
        assert_eq!(rows, 0, "{table}");
    }
    assert_eq!(shop.database.levels().await, levels);
    assert_eq!(shop.sandbox.calls("create").await, 0);
    shop.assert_consistent().await;

    // The key is free, and the trigger no longer takes the stock.
    shop.place(&key, &gadgets).await.assert_created();
    assert_eq!(shop.database.routings().await, MAX_ROUTINGS + 1);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_order_whose_last_routing_finds_stock_is_placed() {
    let shop = Shop::open().await;
    shop.database.take_stock_before_lock(MAX_ROUTINGS - 1).await;
    let placed = shop.place_new(&order(ATLANTA, &[(GADGET_C, 3)])).await;
    placed.assert_created();
    assert_eq!(shop.database.routings().await, MAX_ROUTINGS);
    assert_eq!(shop.database.orders().await, 1);
    assert_eq!(shop.database.reserved(GADGET_C).await, 3);
    shop.assert_consistent().await;
}
