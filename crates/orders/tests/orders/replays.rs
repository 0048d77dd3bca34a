//! Sending the key of an order again, whatever its status is by then.

use oms_errors::Problem;
use oms_orders::{NotPaid, OrderError, OrderStatus, PlacedOrder, PlacingError, place_order};
use oms_testing::gateway::Confirm;
use oms_validation::IdempotencyKey;

use crate::shop::{Shop, tenant, three_pieces};

#[tokio::test]
async fn a_replay_of_a_refunded_order_shows_its_status() {
    let shop = Shop::open(Confirm::Pays).await;
    assert!(matches!(shop.order("k").await, Ok(PlacedOrder::Paid(_))));
    for status in [
        OrderStatus::Paid,
        OrderStatus::Refunding,
        OrderStatus::Refunded,
    ] {
        shop.execute(&format!("UPDATE orders.orders SET status = '{status}'"))
            .await;
        let Ok(PlacedOrder::PaidBefore(order)) = shop.order("k").await else {
            panic!("no replay")
        };
        assert_eq!(order.status, status);
    }
    assert_eq!(shop.gateway.charges(), 1);
}

#[tokio::test]
async fn a_replay_at_an_instance_that_has_not_seen_the_key_needs_neither_stock_nor_prices() {
    let shop = Shop::open(Confirm::Pays).await;
    let placed = shop.paid("k").await;
    let key = IdempotencyKey::parse("k").unwrap();
    for change in [
        "UPDATE inventory.stock_levels SET on_hand = reserved",
        "UPDATE inventory.warehouses SET active = false",
        "DELETE FROM inventory.prices",
    ] {
        shop.execute(change).await;
        let elsewhere = shop.another_context();
        let replayed = place_order(&elsewhere, tenant(), &key, &three_pieces(), "api").await;
        let Ok(PlacedOrder::PaidBefore(order)) = replayed else {
            panic!("{change}: {replayed:?}")
        };
        assert_eq!(order.id, placed, "{change}");
    }
    let mut other = three_pieces();
    other.lines[0].quantity += 1;
    let elsewhere = shop.another_context();
    let refused = place_order(&elsewhere, tenant(), &key, &other, "api").await;
    assert!(
        matches!(refused, Err(PlacingError::Order(OrderError::KeyReused))),
        "{refused:?}"
    );
    assert_eq!(shop.gateway.charges(), 1);
}

#[tokio::test]
async fn a_replay_of_a_cancelled_order_is_a_permanent_conflict() {
    let shop = Shop::open(Confirm::Pays).await;
    let Ok(PlacedOrder::Paid(order)) = shop.order("k").await else {
        panic!("not paid")
    };
    for status in [OrderStatus::Cancelling, OrderStatus::Cancelled] {
        shop.execute(&format!("UPDATE orders.orders SET status = '{status}'"))
            .await;
        let refused = shop.order("k").await.unwrap_err();
        assert!(
            matches!(refused, PlacingError::NotPaid(NotPaid::Cancelled { .. })),
            "{refused:?}"
        );
        let body = Problem::from(refused).body(None);
        assert_eq!(body["status"], 409);
        assert_eq!(body["code"], "orders.cancelled");
        assert_eq!(body["retryable"], false);
        assert_eq!(body["orderId"], order.id.to_string());
        assert_eq!(body["orderStatus"], status.as_str());
    }
}
