//! Packing stations, cancelling buyers, movers, rejecting warehouses, an evacuation and a returns desk at the same time:
//! each unit is in one place, shipped or released once, and returned once.
//!
//! A round is one order and everybody who does something with it. Rounds are run in heats, each of which begins at a
//! barrier, so that a thousand take seconds.

mod acts;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use oms_fulfilment::{EvacuationStatus, FulfilmentOrder, ShipmentStatus, find_fulfilments};
use oms_orders::{
    PlacedOrder, ReturnsPass, create_shipment, evacuate_warehouses, place_order, settle_returns,
    sweep_orders,
};
use oms_testing::TestDatabase;
use oms_testing::clock::TestClock;
use oms_validation::IdempotencyKey;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::rerouting::at;
use crate::shipping::{draft, key};
use crate::shop::{Opening, Shop, catalogue, tenant, three_pieces};
use acts::{Act, STATIONS};

const ROUNDS: usize = 1000;
const HEAT: usize = 100;
const WAREHOUSES: usize = 3;
const MINUTE: Duration = Duration::from_secs(60);

/// Minutes in which an evacuation ends, although a busy machine has interrupted it in the race: its lease, one for what is
/// then left, and a quiet one.
const INTERRUPTED: usize = 8;

/// Each warehouse has enough for all orders.
async fn shop() -> Arc<Shop> {
    let database = TestDatabase::create();
    let pool = database.pool(8);
    let units = 3 * i32::try_from(ROUNDS).unwrap() + 10;
    let opening = Opening {
        clock: Some(TestClock::at_noon()),
        ..Opening::default()
    };
    let stock = catalogue(&[[units]; WAREHOUSES]);
    Arc::new(Shop::open_on(database, pool, &stock, opening).await)
}

/// Paid orders of three units, with their fulfilment orders.
async fn works(shop: &Shop, heat: usize) -> Arc<Vec<FulfilmentOrder>> {
    let request = three_pieces();
    let placed = (0..HEAT).map(|number| {
        let (context, request) = (shop.context.clone(), &request);
        async move {
            let key = IdempotencyKey::parse(&format!("order {heat} {number}")).unwrap();
            match place_order(&context, tenant(), &key, request, "api").await {
                Ok(PlacedOrder::Paid(order)) => order.id,
                other => panic!("not paid: {other:?}"),
            }
        }
    });
    let orders = join_all(placed).await;
    let mut connection = shop.database.connect().await;
    let found = find_fulfilments(&mut connection, tenant(), None, &orders).await;
    let works = found.unwrap().into_values();
    Arc::new(works.flat_map(|it| it.fulfilment_orders).collect())
}

/// Finishes the evacuation of a heat, and opens its warehouse again.
async fn reopen(shop: &Shop, warehouse: usize, evacuation: oms_fulfilment::EvacuationId) {
    let mut status = EvacuationStatus::InProgress;
    for _ in 0..INTERRUPTED {
        shop.evacuate_all().await;
        status = shop.evacuation(evacuation).await.status;
        if status == EvacuationStatus::Finished {
            break;
        }
        shop.pass(MINUTE);
    }
    assert_eq!(status, EvacuationStatus::Finished);
    // Only what is on hold is left there.
    let left = format!(
        "SELECT count(*) FROM fulfilment.fulfilment_orders f WHERE f.closed_at IS NULL AND f.warehouse_id = '{}'
             AND NOT EXISTS (SELECT FROM fulfilment.holds h WHERE h.fulfilment_order_id = f.id)",
        at(warehouse)
    );
    assert_eq!(shop.text(&left).await, "0");
    let open = format!(
        "UPDATE inventory.warehouses SET active = true WHERE id = '{}'",
        at(warehouse)
    );
    shop.execute(&open).await;
}

/// Lets the sweeper and the returns' worker do what a busy database has left to them.
async fn settle(shop: &Shop) {
    for _ in 0..20 {
        sweep_orders(&shop.context).await.unwrap();
        let mut pass = ReturnsPass::default();
        settle_returns(&shop.context, &mut pass).await.unwrap();
    }
    let unsettled = "SELECT count(*) FROM orders.reconciliations";
    assert_eq!(shop.text(unsettled).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn stations_buyers_movers_evacuations_and_returns_race() {
    let shop = shop().await;
    // The stations of each instance share transactions, and the instances begin at different ends.
    let instances = [shop.another_context(), shop.another_context()];
    for heat in 0..ROUNDS / HEAT {
        let works = works(&shop, heat).await;
        let acts = Act::of_heat(heat);
        let evacuated = heat % WAREHOUSES;
        let barrier = Arc::new(Barrier::new(acts.len() + 2));
        let mut rivals = JoinSet::new();
        for (number, act) in acts.into_iter().enumerate() {
            let (context, is_backwards) = (instances[number % 2].clone(), number % 2 == 1);
            let (at, works) = (barrier.clone(), works.clone());
            rivals.spawn(async move {
                at.wait().await;
                let mut works: Vec<_> = works.iter().enumerate().collect();
                if is_backwards {
                    works.reverse();
                }
                let acts = works
                    .into_iter()
                    .map(|(round, work)| act.take(&context, round, work));
                join_all(acts).await;
            });
        }
        let (at, context) = (barrier.clone(), instances[1].clone());
        rivals.spawn(async move {
            at.wait().await;
            for _ in 0..3 {
                while evacuate_warehouses(&context).await.unwrap().more {}
            }
        });
        barrier.wait().await;
        let started = shop.evacuate(evacuated, &format!("evacuate {heat}")).await;
        let evacuation = started.unwrap();
        rivals.join_all().await;
        reopen(&shop, evacuated, evacuation.id).await;
    }
    settle(&shop).await;
    shop.assert_sound().await;
    let ends = "SELECT string_agg(DISTINCT ended, ', ' ORDER BY ended) FROM (
            SELECT o.status || CASE WHEN sum(l.shipped) > 0 THEN ' and sent' ELSE '' END AS ended
            FROM orders.orders o
            JOIN fulfilment.fulfilment_orders f ON f.order_id = o.id
            JOIN fulfilment.lines l ON l.fulfilment_order_id = f.id
            GROUP BY o.id, o.status
        ) orders";
    let ends = shop.text(ends).await;
    let ends: Vec<&str> = ends.split(", ").collect();
    // Both win some rounds, and of a cancelled order nothing is sent.
    assert!(ends.contains(&"CANCELLED"), "{ends:?}");
    assert!(ends.contains(&"PAID and sent"), "{ends:?}");
    assert!(!ends.contains(&"CANCELLED and sent"), "{ends:?}");
    // Everybody won some rounds, because a race without one of them proves nothing about it.
    let took_part = "SELECT concat_ws(' ',
            (SELECT count(DISTINCT cause) FROM fulfilment.moves WHERE cause <> 'shipment_cancelled'),
            EXISTS (SELECT FROM fulfilment.exclusions), EXISTS (SELECT FROM fulfilment.return_receipts),
            EXISTS (SELECT FROM fulfilment.shipments WHERE status = 'CANCELLED'))";
    assert_eq!(shop.text(took_part).await, "3 t t t");
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
    assert_eq!(shop.levels().await, "3007/0/0 3010/0/0 3010/0/0");
    shop.assert_sound().await;
}
