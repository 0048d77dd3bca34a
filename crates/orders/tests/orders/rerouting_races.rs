//! Movers, shippers and cancelling buyers at the same time, and random moves: each unit is in one warehouse, and sent or
//! released once.

use std::collections::BTreeMap;
use std::sync::Arc;

use oms_fulfilment::{FulfilmentOrder, ShipmentStatus};
use oms_inventory::SourceStock;
use oms_orders::{
    OrderContext, OrderStatus, Target, cancel_order, create_shipment, get_order,
    move_fulfilment_order, order_fulfilments, reject_fulfilment_order,
};
use oms_testing::invariants::rule;
use oms_validation::{Once, OrderId};
use rand::RngExt;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::rerouting::{at, move_in, rejection, shop_with, to};
use crate::shipping::{ANY, draft, key};
use crate::shop::{Shop, tenant};

const ROUNDS: usize = 8;

async fn assert_no_deadlock(shop: &Shop) {
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(shop.text(deadlocks).await, "0");
}

/// Two requests move all of an order, each to another warehouse, and one of them may not know what the other did.
#[tokio::test(flavor = "multi_thread")]
async fn two_movers_of_the_same_version_move_it_once() {
    let shop = Arc::new(shop_with(&[1000, 1000, 1000]).await);
    for round in 0..ROUNDS {
        let order_id = shop.paid(&format!("k{round}")).await;
        let work = shop.work(order_id).await;
        let barrier = Arc::new(Barrier::new(2));
        let mut movers = JoinSet::new();
        for target in 1..=2 {
            let (context, barrier) = (shop.another_context(), barrier.clone());
            let (id, version) = (work.id, work.version);
            movers.spawn(async move {
                let expected = oms_validation::ExpectedVersion::OneOf(vec![version]);
                let request = to(Target::Given(at(target)), None);
                let key = key(&format!("{id} {target}"));
                barrier.wait().await;
                let moved =
                    move_fulfilment_order(&context, tenant(), id, &expected, &request, &key, "api");
                moved.await.is_ok()
            });
        }
        let moved = movers.join_all().await;
        assert_eq!(moved.iter().filter(|it| **it).count(), 1, "{moved:?}");
        let moves = format!("SELECT count(*) FROM fulfilment.moves WHERE order_id = '{order_id}'");
        assert_eq!(shop.text(&moves).await, "1");
    }
    shop.assert_sound().await;
    assert_no_deadlock(&shop).await;
}

async fn works(context: &OrderContext, order_id: OrderId) -> Vec<FulfilmentOrder> {
    let found = order_fulfilments(context, tenant(), order_id).await;
    found.unwrap().fulfilment_orders
}

/// Two movers, a rejecting warehouse, two packing stations and a buyer who cancels, all for one order.
async fn race(shop: &Shop, order_id: OrderId) {
    let work = shop.work(order_id).await;
    let barrier = Arc::new(Barrier::new(6));
    let mut rivals = JoinSet::new();
    for target in [Target::Given(at(1)), Target::Nearest] {
        let (context, barrier, work) = (shop.another_context(), barrier.clone(), work.clone());
        rivals.spawn(async move {
            let name = format!("{} {target:?}", work.id);
            barrier.wait().await;
            _ = move_in(&context, &work, &to(target, Some(1)), &name).await;
        });
    }
    let (context, at_once, id) = (shop.another_context(), barrier.clone(), work.id);
    rivals.spawn(async move {
        let (request, key) = (
            rejection(None, SourceStock::WriteOff),
            key(&format!("{id} r")),
        );
        at_once.wait().await;
        _ = reject_fulfilment_order(&context, tenant(), id, &ANY, &request, &key, "api").await;
    });
    for _ in 0..2 {
        let (context, barrier) = (shop.another_context(), barrier.clone());
        rivals.spawn(async move {
            barrier.wait().await;
            for order in works(&context, order_id).await {
                let draft = draft(&order, Some(1), ShipmentStatus::Shipped);
                let key = key(&draft.id.to_string());
                _ = create_shipment(&context, tenant(), &key, draft, "api").await;
            }
        });
    }
    let context = shop.another_context();
    rivals.spawn(async move {
        barrier.wait().await;
        _ = cancel_order(&context, tenant(), order_id, None, None, "api").await;
    });
    rivals.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn movers_shippers_and_cancellers_race_and_no_unit_is_lost() {
    let shop = Arc::new(shop_with(&[1000, 1000, 1000]).await);
    let reader = shop.clone();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    // At no time is a unit reserved in two warehouses, or in none.
    let reading = tokio::spawn(async move {
        let mut connection = reader.database.connect().await;
        let mut reads = 0;
        while stopped.try_recv().is_err() {
            for name in [
                "held-stock",
                "stock-levels",
                "work-of-orders",
                "moved-units",
            ] {
                rule(name).assert_holds(&mut connection).await;
            }
            reads += 1;
        }
        reads
    });
    for round in 0..ROUNDS {
        let order_id = shop.paid(&format!("k{round}")).await;
        race(&shop, order_id).await;
        let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
        let (status, sent) = (details.order.status, details.fulfilment.shipped());
        let expected = match status {
            OrderStatus::Cancelled => sent == 0,
            OrderStatus::Paid => sent > 0,
            _ => false,
        };
        assert!(expected, "{status}: {sent} units sent");
    }
    stop.send(()).unwrap();
    assert!(reading.await.unwrap() > 0);
    shop.assert_sound().await;
    assert_no_deadlock(&shop).await;
}

/// Units of the product in each warehouse and held there, by warehouse.
async fn totals(shop: &Shop) -> BTreeMap<String, (i64, i64)> {
    let levels = shop.levels().await;
    let level = |(number, level): (usize, &str)| {
        let mut counts = level.split('/').map(|it| it.parse().unwrap());
        (
            number.to_string(),
            (counts.next().unwrap(), counts.next().unwrap()),
        )
    };
    levels.split(' ').enumerate().map(level).collect()
}

/// Random moves and rejections of random parts. Each changes the reserved units of two warehouses by exactly what it
/// moved, and no unit on hand.
#[tokio::test]
async fn moves_conserve_the_units_of_each_warehouse_and_product() {
    let shop = shop_with(&[60, 60, 60, 60]).await;
    let mut orders = Vec::new();
    for number in 0..5 {
        orders.push(shop.paid(&format!("k{number}")).await);
    }
    let mut made = 0;
    for step in 0..80 {
        let order_id = orders[random(orders.len())];
        let open = works(&shop.context, order_id).await;
        let open: Vec<_> = open.into_iter().filter(FulfilmentOrder::is_open).collect();
        let order = &open[random(open.len())];
        let before = totals(&shop).await;
        let units = Some(1 + i64::try_from(random(3)).unwrap()).filter(|_| random(3) > 0);
        let moved = match random(4) {
            0 => {
                let request = rejection(units, SourceStock::Keep);
                let done = shop.reject(order, &request, &format!("r{step}")).await;
                done.map(Once::into_inner)
            }
            1 => shop.move_to(order, &to(Target::Nearest, units)).await,
            _ => {
                let target = Target::Given(at(random(4)));
                shop.move_to(order, &to(target, units)).await
            }
        };
        let after = totals(&shop).await;
        let mut expected = before.clone();
        if let Some(done) = moved.ok().and_then(|done| done.moved) {
            let units: i32 = done.made.units.iter().map(|(_, quantity)| quantity).sum();
            let place = |id| (0..4).find(|it| at(*it) == id).unwrap().to_string();
            for (id, sign) in [
                (done.made.from_warehouse_id, -1),
                (done.made.to_warehouse_id, 1),
            ] {
                expected.get_mut(&place(id)).unwrap().1 += sign * i64::from(units);
            }
            made += 1;
        }
        assert_eq!(after, expected, "step {step}");
    }
    assert!(made > 20, "{made} moves");
    shop.assert_sound().await;
}

fn random(below: usize) -> usize {
    rand::rng().random_range(0..below)
}
