//! Cancelling an order of which a part was shipped.

use std::sync::Arc;

use oms_fulfilment::{FulfilmentStatus, ShipmentStatus};
use oms_orders::{
    Cancellation, OrderStatus, Reason, ReversingError, cancel_shipment, cancel_unshipped,
    sweep_orders,
};
use oms_testing::gateway::{Confirm, Refunding};
use oms_validation::{Once, OrderId};
use tokio::sync::Barrier;

use crate::shipping::{ANY, key};
use crate::shop::{Shop, tenant};

impl Shop {
    async fn cancel_rest(&self, order_id: OrderId) -> Result<Cancellation, ReversingError> {
        let cancelled =
            cancel_unshipped(&self.context, tenant(), order_id, None, None, "api").await;
        cancelled.map(Once::into_inner)
    }
}

#[tokio::test]
async fn the_rest_of_a_partly_shipped_order_is_cancelled_with_its_money() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.ship(order_id, Some(1), ShipmentStatus::Shipped)
        .await
        .unwrap();
    let packed = shop
        .ship(order_id, Some(1), ShipmentStatus::Packed)
        .await
        .unwrap();
    let whole = shop.cancel(order_id).await;
    assert!(
        matches!(whole, Err(ReversingError::PartlyShipped { .. })),
        "{whole:?}"
    );
    let Cancellation::Done(details) = shop.cancel_rest(order_id).await.unwrap() else {
        panic!("in progress");
    };
    assert_eq!(details.order.status, OrderStatus::Paid);
    assert_eq!(details.fulfilment.status(), FulfilmentStatus::Fulfilled);
    let cancelled = details
        .fulfilment
        .shipments
        .iter()
        .find(|it| it.id == packed.id);
    assert_eq!(cancelled.unwrap().status, ShipmentStatus::Cancelled);
    assert_eq!(shop.refunds().await, "refunded 200");
    assert_eq!(shop.level().await, "9 0");
    assert_eq!(
        shop.told().await,
        "shipment.shipped shipment.packed shipment.cancelled fulfilment_order.frozen fulfilment_order.closed \
         order.fulfilled"
    );
    let again = shop.cancel_rest(order_id).await;
    assert!(
        matches!(again, Err(ReversingError::NothingUnshipped { .. })),
        "{again:?}"
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn cancelling_tells_what_became_of_the_packed_shipment_and_of_the_fulfilment_order() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.ship(order_id, Some(1), ShipmentStatus::Packed)
        .await
        .unwrap();
    shop.cancel(order_id).await.unwrap();
    assert_eq!(
        shop.told().await,
        "shipment.packed shipment.cancelled fulfilment_order.frozen fulfilment_order.cancelled"
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn an_order_of_which_nothing_was_shipped_is_cancelled_as_a_whole() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let key = key("c");
    for _ in 0..2 {
        let done =
            cancel_unshipped(&shop.context, tenant(), order_id, Some(&key), None, "api").await;
        let Cancellation::Done(details) = done.unwrap().into_inner() else {
            panic!("in progress");
        };
        assert_eq!(details.order.status, OrderStatus::Cancelled);
    }
    assert_eq!(shop.level().await, "10 0");
    shop.assert_sound().await;
}

#[tokio::test]
async fn units_may_be_shipped_again_when_the_refund_is_rejected() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.ship(order_id, Some(1), ShipmentStatus::Shipped)
        .await
        .unwrap();
    shop.gateway.refunds(Refunding::IsRefused);
    let rejected = shop.cancel_rest(order_id).await;
    assert!(
        matches!(rejected, Err(ReversingError::RefundRefused { .. })),
        "{rejected:?}"
    );
    assert_eq!(shop.level().await, "9 2");
    shop.assert_sound().await;
    shop.ship(order_id, None, ShipmentStatus::Shipped)
        .await
        .unwrap();
    assert_eq!(shop.level().await, "7 0");
    shop.assert_sound().await;
}

#[tokio::test]
async fn the_sweeper_finishes_a_cancellation_whose_refund_got_no_answer() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.ship(order_id, Some(2), ShipmentStatus::Shipped)
        .await
        .unwrap();
    shop.gateway.refunds(Refunding::IsLost);
    let begun = shop.cancel_rest(order_id).await.unwrap();
    assert!(matches!(begun, Cancellation::InProgress(_)), "{begun:?}");
    let refused = shop.ship(order_id, None, ShipmentStatus::Shipped).await;
    assert!(refused.is_err(), "{refused:?}");
    shop.assert_sound().await;
    shop.gateway.refunds(Refunding::Pays);
    sweep_orders(&shop.context).await.unwrap();
    assert_eq!(shop.refunds().await, "refunded 100");
    assert_eq!(shop.level().await, "8 0");
    assert_eq!(shop.goods(order_id).await, FulfilmentStatus::Fulfilled);
    shop.assert_sound().await;
}

#[tokio::test]
async fn no_more_is_refunded_than_is_left() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.ship(order_id, Some(1), ShipmentStatus::Shipped)
        .await
        .unwrap();
    shop.refund(order_id, "goodwill", Some(150)).await.unwrap();
    let Cancellation::Done(details) = shop.cancel_rest(order_id).await.unwrap() else {
        panic!("in progress");
    };
    assert_eq!(details.order.status, OrderStatus::Refunded);
    assert_eq!(shop.refunds().await, "refunded 150, refunded 150");
    assert_eq!(shop.level().await, "9 0");
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_repeated_key_gets_the_answer_of_its_own_cancellation() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    shop.ship(order_id, Some(1), ShipmentStatus::Shipped)
        .await
        .unwrap();
    let cancel = async |name: &str| {
        let (key, context) = (key(name), &shop.context);
        cancel_unshipped(context, tenant(), order_id, Some(&key), None, "api").await
    };
    shop.gateway.refunds(Refunding::IsRefused);
    for _ in 0..2 {
        let rejected = cancel("rejected").await;
        assert!(
            matches!(rejected, Err(ReversingError::RefundRefused { .. })),
            "{rejected:?}"
        );
    }
    assert_eq!(shop.refunds().await, "failed 200");
    shop.gateway.refunds(Refunding::Pays);
    let done = cancel("done").await;
    assert!(
        matches!(done, Ok(Once::Now(Cancellation::Done(_)))),
        "{done:?}"
    );
    // Another refund is in progress meanwhile, but not that of this key.
    shop.gateway.refunds(Refunding::IsLost);
    shop.refund(order_id, "goodwill", Some(10)).await.unwrap();
    let done = cancel("done").await;
    assert!(
        matches!(done, Ok(Once::Before(Cancellation::Done(_)))),
        "{done:?}"
    );
    let rejected = cancel("rejected").await;
    assert!(
        matches!(rejected, Err(ReversingError::RefundRefused { .. })),
        "{rejected:?}"
    );
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_key_stands_for_its_cancellation_after_the_shipment_turns_out_not_to_have_left() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let shipment = shop
        .ship(order_id, Some(1), ShipmentStatus::Shipped)
        .await
        .unwrap();
    let name = key("c");
    for is_first in [true, false] {
        let done =
            cancel_unshipped(&shop.context, tenant(), order_id, Some(&name), None, "api").await;
        let done = done.unwrap();
        assert_eq!(matches!(done, Once::Now(_)), is_first);
        let Cancellation::Done(details) = done.into_inner() else {
            panic!("in progress");
        };
        assert_eq!(details.order.status, OrderStatus::Paid);
        if is_first {
            let reason = Reason::parse("it never left").unwrap();
            let (context, id) = (&shop.context, shipment.id);
            cancel_shipment(context, tenant(), id, &ANY, &reason, None, "api")
                .await
                .unwrap();
        }
    }
    assert_eq!(shop.refunds().await, "refunded 200");
    shop.assert_sound().await;
}

#[tokio::test]
async fn an_order_is_not_cancelled_as_a_whole_once_a_part_of_it_is_shipped() {
    for round in 0..10 {
        let shop = Arc::new(Shop::open(Confirm::Pays).await);
        let order_id = shop.paid("k").await;
        let barrier = Arc::new(Barrier::new(2));
        let shipping = tokio::spawn({
            let (shop, barrier) = (shop.clone(), barrier.clone());
            async move {
                barrier.wait().await;
                shop.ship(order_id, Some(1), ShipmentStatus::Shipped).await
            }
        });
        barrier.wait().await;
        let cancelled = shop.cancel_rest(order_id).await;
        let shipped = shipping.await.unwrap();
        let Cancellation::Done(details) = cancelled.unwrap() else {
            panic!("in progress");
        };
        let (status, refunds, level) = match shipped.is_ok() {
            true => (OrderStatus::Paid, "refunded 200", "9 0"),
            false => (OrderStatus::Cancelled, "refunded 300", "10 0"),
        };
        assert_eq!(details.order.status, status, "round {round}");
        assert_eq!(shop.refunds().await, refunds);
        assert_eq!(shop.level().await, level);
        shop.assert_sound().await;
    }
}
