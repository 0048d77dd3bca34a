//! Concurrent cancellations and settlements of an order: exactly one succeeds, and the stock is released once.

use std::sync::Arc;

use diesel_async::SimpleAsyncConnection;
use oms_orders::{
    Cancellation, NotPaid, OrderSettings, PlacingError, ReversingError, cancel_order, sweep_orders,
};
use oms_payments::Operation;
use oms_testing::gateway::Confirm;
use oms_validation::OrderId;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::shop::{Opening, Shop, settings, tenant};

/// The confirmation is in flight when the order is cancelled, and is then refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_order_is_cancelled_meanwhile_is_not_answered_as_paid() {
    let shop = Arc::new(Shop::open(Confirm::Pays).await);
    shop.gateway.hold(Operation::Confirm);
    let buyer = tokio::spawn({
        let shop = shop.clone();
        async move { shop.order("k").await }
    });
    shop.gateway.arrived(Operation::Confirm, 1).await;
    let order_id = shop.text("SELECT id FROM orders.orders").await;
    let cancelled = shop.cancel(order_id.parse().unwrap()).await;
    assert!(
        matches!(cancelled, Ok(Cancellation::Done(_))),
        "{cancelled:?}"
    );
    shop.gateway.release(Operation::Confirm, 1);
    let answer = buyer.await.unwrap();
    assert!(
        matches!(
            answer,
            Err(PlacingError::NotPaid(NotPaid::Cancelled { .. }))
        ),
        "{answer:?}"
    );
    assert_eq!(shop.gateway.charges(), 0);
    assert!(shop.state().await.starts_with("CANCELLED 0 "));
}

/// A shop with an order of another customer, whose stock must stay held.
async fn shop_with_a_neighbour(confirm: Confirm) -> Arc<Shop> {
    let shop = Shop::open_as(Opening {
        confirm,
        settings: OrderSettings {
            sweep_batch: 100,
            ..settings()
        },
        pieces: 100,
        ..Opening::default()
    });
    let shop = Arc::new(shop.await);
    shop.execute(
        "INSERT INTO inventory.reservations (tenant_id, order_id, warehouse_id, product_id, quantity)
         SELECT tenant_id, gen_random_uuid(), warehouse_id, product_id, 3 FROM inventory.stock_levels;
         UPDATE inventory.stock_levels SET reserved = reserved + 3",
    )
    .await;
    shop
}

/// Many requests and sweepers cancel one order concurrently, each with its own connections.
async fn cancelled_by_many(shop: &Shop, order_id: OrderId) {
    const RIVALS: usize = 8;
    let barrier = Arc::new(Barrier::new(2 * RIVALS));
    let mut rivals = JoinSet::new();
    for _ in 0..RIVALS {
        let (at, context) = (barrier.clone(), shop.another_context());
        rivals.spawn(async move {
            at.wait().await;
            let cancelled = cancel_order(&context, tenant(), order_id, None, None, "api").await;
            // The sweeper may have been first.
            assert!(
                matches!(
                    cancelled,
                    Ok(_) | Err(ReversingError::NotCancellable { .. })
                ),
                "{cancelled:?}"
            );
        });
        let (at, context) = (barrier.clone(), shop.context.clone());
        rivals.spawn(async move {
            at.wait().await;
            sweep_orders(&context).await.unwrap();
        });
    }
    rivals.join_all().await;
    // A worker that lost every race may have left the order to its lease.
    shop.execute("UPDATE orders.reconciliations SET due_at = now()")
        .await;
    sweep_orders(&shop.context).await.unwrap();
    assert_eq!(shop.gateway.net_minor(), 0);
    let stock = shop.text("SELECT reserved FROM inventory.stock_levels");
    assert_eq!(stock.await, "3");
    let ends =
        shop.text("SELECT count(*) FROM orders.events WHERE to_status IN ('CANCELLED', 'FAILED') AND from_status <> to_status");
    assert_eq!(ends.await, "1");
    let gaps =
        shop.text("SELECT version = (SELECT count(*) FROM orders.events) FROM orders.orders");
    assert_eq!(gaps.await, "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_cancellations_of_a_paid_order_refund_and_release_once() {
    let shop = shop_with_a_neighbour(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    cancelled_by_many(&shop, order_id).await;
    assert_eq!(shop.refunds().await, "refunded 300");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_cancellations_and_sweeps_settle_an_unpaid_order_once() {
    let shop = shop_with_a_neighbour(Confirm::IsLost).await;
    let order_id = shop.pending("k").await;
    cancelled_by_many(&shop, order_id).await;
    assert_eq!(shop.refunds().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_cancellations_of_an_order_that_turns_out_paid_refund_once() {
    let shop = shop_with_a_neighbour(Confirm::PaysSilently).await;
    let order_id = shop.pending("k").await;
    // Otherwise the sweeper may find it paid before any request cancels it.
    shop.execute("UPDATE orders.reconciliations SET due_at = now() + interval '1 hour'")
        .await;
    cancelled_by_many(&shop, order_id).await;
    assert_eq!(shop.refunds().await, "refunded 300");
}

/// The request keeps its turn at the order only until its own transaction is done, because it goes on with others.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_that_waited_for_its_order_does_not_wait_for_itself() {
    let shop = Arc::new(Shop::open(Confirm::Pays).await);
    let order_id = shop.paid("k").await;
    let mut holder = shop.database.connect().await;
    let locked = holder.batch_execute("BEGIN; SELECT FROM orders.orders FOR UPDATE");
    locked.await.unwrap();
    let cancelling = tokio::spawn({
        let shop = shop.clone();
        async move { shop.cancel(order_id).await }
    });
    let refused = "SELECT count(*) > 0 FROM pg_stat_activity
         WHERE datname = current_database() AND query = 'ROLLBACK'";
    while shop.text(refused).await != "true" {
        tokio::task::yield_now().await;
    }
    holder.batch_execute("ROLLBACK").await.unwrap();
    let cancelled = cancelling.await.unwrap();
    assert!(
        matches!(cancelled, Ok(Cancellation::Done(_))),
        "{cancelled:?}"
    );
}
