//! The address of an order that has something left to send is needed, and not erased.

use std::time::Duration;

use oms_database::transaction;
use oms_fulfilment::{HoldHandle, HoldReason, NewHold, ShipmentStatus, place_hold};
use oms_orders::{AddressPass, continue_erasures, get_order, purge_addresses};
use oms_testing::clock::TestClock;

use crate::erasing::{DAY, erase, is_complete, place_paid, place_unsent};
use crate::shop::{Opening, Shop, tenant};

async fn open() -> Shop {
    Shop::open_as(Opening {
        clock: Some(TestClock::at_noon()),
        ..Opening::default()
    })
    .await
}

async fn purge(shop: &Shop) -> u64 {
    let mut pass = AddressPass::default();
    let turn = purge_addresses(&shop.context, &mut pass, 30 * DAY).await;
    turn.unwrap().erased
}

#[tokio::test]
async fn a_customer_is_erased_from_an_order_when_all_of_it_is_sent() {
    let shop = open().await;
    place_paid(&shop, "sent").await;
    let order_id = place_unsent(&shop, "unsent").await;
    shop.ship(order_id, Some(1), ShipmentStatus::Shipped)
        .await
        .unwrap();
    let erased = erase(&shop, true).await;
    assert!(!is_complete(&erased), "{erased:?}");
    assert_eq!(erased.erasure.erased_orders, 1);
    let waiting: Vec<_> = erased.waiting.iter().map(|order| order.id).collect();
    assert_eq!(waiting, [order_id]);
    let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
    assert!(details.order.shipping_address.is_some());

    shop.ship(order_id, None, ShipmentStatus::Shipped)
        .await
        .unwrap();
    shop.pass(Duration::from_secs(2 * 3600));
    continue_erasures(&shop.context).await.unwrap();
    let erased = erase(&shop, true).await;
    assert!(is_complete(&erased), "{erased:?}");
    shop.assert_sound().await;
}

#[tokio::test]
async fn an_old_address_is_kept_until_all_is_sent() {
    let shop = open().await;
    let order_id = place_unsent(&shop, "unsent").await;
    shop.pass(31 * DAY);
    assert_eq!(purge(&shop).await, 0);
    shop.ship(order_id, None, ShipmentStatus::Shipped)
        .await
        .unwrap();
    assert_eq!(purge(&shop).await, 1);
    shop.assert_sound().await;
}

#[tokio::test]
async fn an_order_from_before_shipping_was_recorded_is_erased() {
    let shop = open().await;
    let order_id = place_unsent(&shop, "old").await;
    let hold = NewHold {
        handle: HoldHandle::before_fulfilment(),
        reason: HoldReason::Unlisted,
        note: None,
    };
    let id = shop.work(order_id).await.id;
    let mut connection = shop.database.connect().await;
    transaction(&mut connection, async |connection| {
        place_hold(connection, tenant(), None, id, &hold, "fulfilment").await
    })
    .await
    .unwrap();
    let erased = erase(&shop, true).await;
    assert!(is_complete(&erased), "{erased:?}");
}
