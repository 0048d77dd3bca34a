//! A gateway that hangs on many orders at the same time.

use futures_util::future::join_all;

use crate::request::{ATLANTA, WIDGET_A, WIDGET_B, new_key, order, small_order};
use crate::shop::Shop;

const ORDERS: usize = 200;

#[tokio::test]
async fn no_connection_is_held_while_the_gateway_hangs_on_200_orders() {
    let settings = [
        ("OMS_STRIPE_TIMEOUT_MS", "80000"),
        ("OMS_DATABASE_MAX_CONNECTIONS", "5"),
    ];
    let mut shop = Shop::open_with(&settings).await;
    let earlier = shop.place_new(&order(ATLANTA, &[(WIDGET_B, 1)])).await;
    earlier.assert_created();

    shop.sandbox.hold("confirm").await;
    let customers: Vec<_> = (0..ORDERS)
        .map(|_| {
            let customer = shop.customer();
            tokio::spawn(async move {
                customer
                    .place_persistently(&new_key(), &small_order())
                    .await
            })
        })
        .collect();
    shop.sandbox.called("confirm", ORDERS as u64 + 1).await;
    assert_all_wait(&shop).await;

    let read = shop.order(&earlier.order_id()).await;
    assert_eq!(read["status"], "PAID");
    assert_eq!(shop.get("/health").await.status, 200);
    let connections = shop.database.connections().await;
    // The connections of the pool, and the one of readiness checks.
    assert!(connections.len() <= 6, "{connections:?}");
    assert!(
        connections.iter().all(|state| state == "idle"),
        "{connections:?}"
    );
    assert_all_wait(&shop).await;

    shop.sandbox.release().await;
    for answer in join_all(customers).await {
        let answer = answer.unwrap();
        match answer.status {
            201 => answer.assert_created(),
            // On a slow machine some get no connection in time. The sweeper settles the rest.
            _ => answer.assert_pending(),
        }
    }
    shop.sweep().await;
    let paid = "SELECT count(*) FROM orders.orders WHERE status = 'PAID'";
    assert_eq!(shop.database.number(paid).await, 201);
    assert_eq!(shop.database.reserved(WIDGET_A).await, 200);
    shop.assert_consistent().await;
}

async fn assert_all_wait(shop: &Shop) {
    assert_eq!(shop.pending_orders().await.len(), ORDERS);
}
