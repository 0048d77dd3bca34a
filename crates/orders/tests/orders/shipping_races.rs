//! Packing stations and cancelling buyers at the same time: each unit is shipped or released, never both.
//!
//! A round is one order and everybody who does something with it. Rounds are run in heats, each of which begins at a
//! barrier, so that a thousand take seconds.

use std::sync::Arc;

use futures_util::future::join_all;
use oms_fulfilment::{FulfilmentOrder, ShipmentStatus, find_fulfilments};
use oms_orders::{
    OrderContext, OrderError, PlacedOrder, Reason, ReversingError, ShippingError, cancel_order,
    cancel_shipment, cancel_unshipped, create_shipment, place_order, ship_shipment, sweep_orders,
};
use oms_testing::gateway::Confirm;
use oms_validation::{IdempotencyKey, Once, OrderId};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::shipping::{ANY, draft, key};
use crate::shop::{Opening, Shop, tenant, three_pieces};

const ROUNDS: usize = 1000;
const HEAT: usize = 100;
const STATIONS: usize = 8;

/// What a station or a buyer does with each order of a heat. Moves to another warehouse and returns join here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// Ships a unit.
    Ship,
    /// Packs a unit, and then ships it.
    PackAndShip,
    /// Packs a unit, and leaves it there.
    Pack,
    /// Ships a unit, which then turns out never to have left.
    ShipAndUndo,
    /// Cancels the order.
    Cancel,
    /// Cancels what is not shipped.
    CancelRest,
}

/// What each station does. Together they want more units than an order has.
const ACTS: [Act; STATIONS] = [
    Act::Ship,
    Act::PackAndShip,
    Act::Ship,
    Act::ShipAndUndo,
    Act::Pack,
    Act::Ship,
    Act::PackAndShip,
    Act::Ship,
];

impl Act {
    /// Does it with one order. Refusals are part of the race; everything else is a defect.
    async fn take(self, context: &Arc<OrderContext>, work: &FulfilmentOrder) {
        let done = match self {
            Self::Ship => ship(context, work, ShipmentStatus::Shipped).await.map(drop),
            Self::Pack => ship(context, work, ShipmentStatus::Packed).await.map(drop),
            Self::PackAndShip => pack_and_ship(context, work).await,
            Self::ShipAndUndo => ship_and_undo(context, work).await,
            Self::Cancel | Self::CancelRest => return self.cancel(context, work.order_id).await,
        };
        match done {
            Ok(())
            | Err(
                ShippingError::Fulfilment(_)
                | ShippingError::Busy { .. }
                | ShippingError::Order(OrderError::Contended),
            ) => {}
            Err(error) => panic!("{self:?}: {error:?}"),
        }
    }

    async fn cancel(self, context: &Arc<OrderContext>, order_id: OrderId) {
        let cancelled = match self {
            Self::CancelRest => {
                cancel_unshipped(context, tenant(), order_id, None, None, "api").await
            }
            _ => cancel_order(context, tenant(), order_id, None, None, "api").await,
        };
        match cancelled.map(Once::into_inner) {
            // What a busy database delays is left to the sweeper.
            Ok(_)
            | Err(
                ReversingError::PartlyShipped { .. }
                | ReversingError::NothingUnshipped { .. }
                | ReversingError::Order(OrderError::Contended),
            ) => {}
            other => panic!("{self:?}: {other:?}"),
        }
    }
}

async fn ship(
    context: &Arc<OrderContext>,
    work: &FulfilmentOrder,
    status: ShipmentStatus,
) -> Result<oms_fulfilment::Shipment, ShippingError> {
    let draft = draft(work, Some(1), status);
    let key = key(&draft.id.to_string());
    let created = create_shipment(context, tenant(), &key, draft, "api").await;
    created.map(Once::into_inner)
}

async fn pack_and_ship(
    context: &Arc<OrderContext>,
    work: &FulfilmentOrder,
) -> Result<(), ShippingError> {
    let id = ship(context, work, ShipmentStatus::Packed).await?.id;
    let sent = ship_shipment(context, tenant(), id, ANY, vec![], None, "api").await;
    sent.map(drop)
}

async fn ship_and_undo(
    context: &Arc<OrderContext>,
    work: &FulfilmentOrder,
) -> Result<(), ShippingError> {
    let id = ship(context, work, ShipmentStatus::Shipped).await?.id;
    let reason = Reason::parse("it never left").unwrap();
    let undone = cancel_shipment(context, tenant(), id, &ANY, &reason, None, "api").await;
    undone.map(drop)
}

async fn shop() -> Arc<Shop> {
    let opening = Opening {
        confirm: Confirm::Pays,
        pieces: 3 * u32::try_from(ROUNDS).unwrap() + 10,
        ..Opening::default()
    };
    Arc::new(Shop::open_as(opening).await)
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

#[tokio::test(flavor = "multi_thread")]
async fn packing_stations_race_with_cancelling_buyers() {
    let shop = shop().await;
    // The stations of each instance share transactions, and the instances begin at different ends.
    let instances = [shop.another_context(), shop.another_context()];
    for heat in 0..ROUNDS / HEAT {
        let works = works(&shop, heat).await;
        let buyer = match heat % 2 {
            0 => Act::Cancel,
            _ => Act::CancelRest,
        };
        let barrier = Arc::new(Barrier::new(STATIONS + 1));
        let mut rivals = JoinSet::new();
        let stations = ACTS.iter().enumerate();
        let stations =
            stations.map(|(number, act)| (*act, instances[number % 2].clone(), number % 2 == 1));
        let buyer = (buyer, shop.context.clone(), false);
        for (act, context, is_backwards) in stations.chain([buyer]) {
            let (at, works) = (barrier.clone(), works.clone());
            rivals.spawn(async move {
                at.wait().await;
                let mut works: Vec<_> = works.iter().collect();
                if is_backwards {
                    works.reverse();
                }
                join_all(works.into_iter().map(|work| act.take(&context, work))).await;
            });
        }
        rivals.join_all().await;
    }
    for _ in 0..20 {
        sweep_orders(&shop.context).await.unwrap();
    }
    let unsettled = "SELECT count(*) FROM orders.reconciliations";
    assert_eq!(shop.text(unsettled).await, "0");
    shop.assert_sound().await;
    let ends = "SELECT string_agg(DISTINCT ended, ', ' ORDER BY ended) FROM (
            SELECT o.status || CASE WHEN sum(l.shipped) > 0 THEN ' and sent' ELSE '' END AS ended
            FROM orders.orders o
            JOIN fulfilment.fulfilment_orders f ON f.order_id = o.id
            JOIN fulfilment.lines l ON l.fulfilment_order_id = f.id
            GROUP BY o.id, o.status
        ) orders";
    let ends = shop.text(ends).await;
    // Both win some rounds, and of a cancelled order nothing is sent.
    assert!(
        ["CANCELLED, PAID and sent", "CANCELLED, PAID, PAID and sent"].contains(&ends.as_str()),
        "{ends}"
    );
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
    assert_eq!(shop.level().await, "3007 0");
    shop.assert_sound().await;
}
