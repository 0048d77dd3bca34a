//! Packing stations and cancelling buyers at the same time: each unit is shipped or released, never both.

use std::sync::Arc;

use oms_fulfilment::{FulfilmentStatus, ShipmentStatus};
use oms_orders::{
    Cancellation, OrderStatus, cancel_order, cancel_unshipped, create_shipment, get_order,
};
use oms_testing::gateway::Confirm;
use oms_validation::{Once, OrderId};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::shipping::{draft, key};
use crate::shop::{Opening, Shop, tenant};

const STATIONS: usize = 8;

async fn shop() -> Arc<Shop> {
    let opening = Opening {
        confirm: Confirm::Pays,
        pieces: 1000,
        ..Opening::default()
    };
    Arc::new(Shop::open_as(opening).await)
}

/// Each packing station ships one unit of the order, while a buyer cancels it.
async fn race(shop: &Shop, order_id: OrderId, rest: bool) {
    let work = shop.work(order_id).await;
    let barrier = Arc::new(Barrier::new(STATIONS + 1));
    let mut rivals = JoinSet::new();
    for _ in 0..STATIONS {
        let (at, context) = (barrier.clone(), shop.another_context());
        let draft = draft(&work, Some(1), ShipmentStatus::Shipped);
        rivals.spawn(async move {
            let key = key(&draft.id.to_string());
            at.wait().await;
            _ = create_shipment(&context, tenant(), &key, draft, "api").await;
        });
    }
    let context = shop.context.clone();
    rivals.spawn(async move {
        barrier.wait().await;
        let cancelled = match rest {
            true => cancel_unshipped(&context, tenant(), order_id, None, None, "api").await,
            false => cancel_order(&context, tenant(), order_id, None, None, "api").await,
        };
        if let Ok(cancelled) = cancelled.map(Once::into_inner) {
            assert!(matches!(cancelled, Cancellation::Done(_)), "{cancelled:?}");
        }
    });
    rivals.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packing_stations_race_with_cancelling_buyers() {
    let shop = shop().await;
    for round in 0..12 {
        let order_id = shop.paid(&format!("k{round}")).await;
        race(&shop, order_id, round % 2 == 0).await;
        let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
        let (order, goods) = (details.order.status, details.fulfilment.status());
        let is_sound = match order {
            OrderStatus::Cancelled => goods == FulfilmentStatus::Cancelled,
            OrderStatus::Paid => goods == FulfilmentStatus::Fulfilled,
            _ => false,
        };
        assert!(is_sound, "{order} {goods}");
        let sent = details.fulfilment.shipped();
        let expected = match order {
            OrderStatus::Cancelled => sent == 0,
            _ => (1..=3).contains(&sent),
        };
        assert!(expected, "{order}: {sent} units sent");
    }
    shop.assert_sound().await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(shop.text(deadlocks).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn stations_that_ship_the_same_units_ship_each_once() {
    let shop = shop().await;
    let order_id = shop.paid("k").await;
    let work = shop.work(order_id).await;
    let barrier = Arc::new(Barrier::new(STATIONS));
    let mut rivals = JoinSet::new();
    for station in 0..STATIONS {
        let (at, context) = (barrier.clone(), shop.another_context());
        // Half of them repeat one request.
        let name = if station % 2 == 0 { 0 } else { station };
        let draft = draft(&work, Some(1), ShipmentStatus::Shipped);
        rivals.spawn(async move {
            at.wait().await;
            let key = key(&format!("station {name}"));
            let shipped = create_shipment(&context, tenant(), &key, draft, "api").await;
            shipped.ok().map(|it| it.into_inner().id)
        });
    }
    let mut ids: Vec<_> = rivals.join_all().await.into_iter().flatten().collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    assert_eq!(shop.level().await, "997 0");
    shop.assert_sound().await;
}
