//! Docks, returns desks, refunding operators and cancelling buyers at the same time: units and money come back once.

use std::collections::BTreeMap;
use std::sync::Arc;

use oms_fulfilment::{ReceiptDraft, ReceiptId, Received, ReturnId, ShipmentStatus};
use oms_orders::{
    OrderStatus, ReturnsPass, cancel_unshipped, get_order, receive_return, request_return,
    settle_returns, sweep_orders,
};
use oms_testing::gateway::Confirm;
use oms_validation::{Once, WarehouseId};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::returning::units;
use crate::shipping::{ANY, key};
use crate::shop::{Opening, Shop, tenant};

const DOCKS: usize = 16;

async fn shop() -> Arc<Shop> {
    let opening = Opening {
        confirm: Confirm::Pays,
        pieces: 1000,
        ..Opening::default()
    };
    Arc::new(Shop::open_as(opening).await)
}

fn one_unit(warehouse_id: WarehouseId) -> ReceiptDraft {
    let units = Received {
        restock: 1,
        ..Received::default()
    };
    ReceiptDraft {
        id: ReceiptId::generate(),
        warehouse_id,
        lines: BTreeMap::from([(1, units)]),
    }
}

/// Each dock receives one unit of a return, at the same time. Returns the receipts that were made by this request.
async fn receive_all(shop: &Shop, id: ReturnId, name: impl Fn(usize) -> String) -> usize {
    let warehouse = shop.only_warehouse().await;
    let barrier = Arc::new(Barrier::new(DOCKS));
    let mut docks = JoinSet::new();
    for dock in 0..DOCKS {
        let (at, context) = (barrier.clone(), shop.another_context());
        let key = key(&name(dock));
        docks.spawn(async move {
            at.wait().await;
            let draft = one_unit(warehouse);
            let received = receive_return(&context, tenant(), id, &ANY, &draft, &key, "api").await;
            matches!(received, Ok(Once::Now(_)))
        });
    }
    let received = docks.join_all().await;
    received.into_iter().filter(|is_new| *is_new).count()
}

/// Lets waiting credits be refunded, and checks that nothing is owed.
async fn settle(shop: &Shop) {
    for _ in 0..4 {
        sweep_orders(&shop.context).await.unwrap();
        let mut pass = ReturnsPass::default();
        settle_returns(&shop.context, &mut pass).await.unwrap();
    }
    shop.assert_sound().await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(shop.text(deadlocks).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_is_repeated_from_many_docks_restocks_and_refunds_once() {
    let shop = shop().await;
    let order_id = shop.delivered("k", 3).await;
    let id = shop.approved(order_id, 3).await;
    assert_eq!(receive_all(&shop, id, |_| "one".to_owned()).await, 1);
    settle(&shop).await;
    assert_eq!(shop.stock_counts().await, "998 0 0");
    assert_eq!(shop.refunds().await, "refunded 100");
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [200, 200, 0])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn docks_that_receive_the_same_units_receive_each_once() {
    let shop = shop().await;
    let order_id = shop.delivered("k", 3).await;
    let id = shop.approved(order_id, 2).await;
    assert_eq!(
        receive_all(&shop, id, |dock| format!("dock {dock}")).await,
        2
    );
    settle(&shop).await;
    assert_eq!(shop.stock_counts().await, "999 0 0");
    assert_eq!(
        shop.money(order_id).await,
        (OrderStatus::Paid, [100, 100, 0])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_the_same_unit_make_one_return() {
    let shop = shop().await;
    let order_id = shop.delivered("k", 1).await;
    let barrier = Arc::new(Barrier::new(DOCKS));
    let mut rivals = JoinSet::new();
    for rival in 0..DOCKS {
        let (at, context) = (barrier.clone(), shop.another_context());
        rivals.spawn(async move {
            at.wait().await;
            let (key, requested) = (key(&format!("r{rival}")), units(1, 1));
            let it = request_return(&context, tenant(), order_id, &key, &requested, "api").await;
            it.is_ok()
        });
    }
    let made = rivals.join_all().await;
    assert_eq!(made.into_iter().filter(|is_made| *is_made).count(), 1);
    settle(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_race_with_refunds_and_cancellations() {
    let shop = shop().await;
    for round in 0..10 {
        let order_id = shop.paid(&format!("k{round}")).await;
        shop.ship(order_id, Some(2), ShipmentStatus::Shipped)
            .await
            .unwrap();
        let id = shop.approved(order_id, 2).await;
        let (warehouse, barrier) = (shop.only_warehouse().await, Arc::new(Barrier::new(4)));
        let mut rivals = JoinSet::new();
        for dock in 0..2 {
            let (at, context) = (barrier.clone(), shop.another_context());
            let key = key(&format!("dock {round} {dock}"));
            rivals.spawn(async move {
                let draft = one_unit(warehouse);
                at.wait().await;
                let received =
                    receive_return(&context, tenant(), id, &ANY, &draft, &key, "api").await;
                assert!(received.is_ok(), "{received:?}");
            });
        }
        let (at, refunding) = (barrier.clone(), shop.clone());
        rivals.spawn(async move {
            at.wait().await;
            _ = refunding
                .refund(order_id, &format!("goodwill {round}"), Some(30))
                .await;
        });
        let (at, context) = (barrier, shop.context.clone());
        rivals.spawn(async move {
            at.wait().await;
            _ = cancel_unshipped(&context, tenant(), order_id, None, None, "api").await;
        });
        rivals.join_all().await;
        settle(&shop).await;
        let (status, [owed, held, balance]) = shop.money(order_id).await;
        assert_eq!(balance, 0, "{status}: owes {owed}, holds {held}");
        assert!((0..=100).contains(&owed), "{status}: owes {owed}");
        let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
        assert_eq!(details.fulfilment.returns[0].received(), 2);
    }
}
