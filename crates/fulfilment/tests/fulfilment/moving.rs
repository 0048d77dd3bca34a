//! Units that go from one fulfilment order to another, or with theirs to another warehouse.

use oms_database::transaction;
use oms_fulfilment::{
    FulfilmentError, FulfilmentOrder, FulfilmentOrderStatus, HoldHandle, HoldReason, Move,
    MoveCause, MoveId, NewHold, NewMove, Refusal, Relocation, ShipmentStatus, Units,
    cancel_shipment, erase_addresses, find_fulfilments, find_moves, place_hold,
};
use oms_validation::{ExpectedVersion, WarehouseId};
use serde_json::json;

use crate::fixture::{Depot, product, units, warehouse};

impl Depot {
    async fn send_to(
        &mut self,
        order: &FulfilmentOrder,
        wanted: Option<Units>,
        to: WarehouseId,
    ) -> Result<Move, FulfilmentError> {
        let (tenant, id) = (self.tenant, order.id);
        transaction(&mut self.connection, async |connection| {
            let relocation = Relocation::lock(connection, tenant, None, id).await?;
            let units = relocation.source().movable(wanted.as_ref())?;
            let new = NewMove {
                id: MoveId::generate(),
                to,
                trace: Some(&json!({ "candidates": [] })),
                cause: MoveCause::Operator,
                reason: "it is nearer",
                actor: "api",
            };
            relocation
                .write(connection, tenant, None, &units, new)
                .await
        })
        .await
    }

    /// `number warehouse status line:quantity…` of the fulfilment orders of an order. Warehouses are counted from 0.
    async fn state(&mut self, order: &FulfilmentOrder) -> Vec<String> {
        let orders = self.all_of(order).await;
        let number = |id| (0..9).find(|number| warehouse(*number) == id).unwrap();
        let state = |order: FulfilmentOrder| {
            let lines = order.lines.iter();
            let lines: Vec<String> = lines
                .map(|line| format!("{}:{}", line.number, line.quantity))
                .collect();
            let (at, lines) = (number(order.warehouse_id), lines.join(" "));
            format!("{} {at} {} {lines}", order.number, order.status)
        };
        orders.into_iter().map(state).collect()
    }

    async fn all_of(&mut self, order: &FulfilmentOrder) -> Vec<FulfilmentOrder> {
        let (tenant, order_id) = (self.tenant, order.order_id);
        let found = find_fulfilments(&mut self.connection, tenant, None, &[order_id]).await;
        found.unwrap().remove(&order_id).unwrap().fulfilment_orders
    }

    async fn keep(&mut self, order: &FulfilmentOrder, handle: &str) {
        let (tenant, id) = (self.tenant, order.id);
        let hold = NewHold {
            handle: HoldHandle::parse(handle).unwrap(),
            reason: HoldReason::Operator,
            note: None,
        };
        transaction(&mut self.connection, async |connection| {
            place_hold(connection, tenant, None, id, &hold, "api").await
        })
        .await
        .unwrap();
    }
}

fn handles(order: &FulfilmentOrder) -> Vec<&str> {
    order
        .holds
        .iter()
        .map(|hold| hold.handle.as_str())
        .collect()
}

#[tokio::test]
async fn a_fulfilment_order_goes_as_a_whole_if_nothing_was_sent() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[5, 3]).await;
    depot.keep(&order, "fraud-check").await;
    depot.keep(&order, "rerouting").await;
    let made = depot.send_to(&order, None, warehouse(1)).await.unwrap();
    assert_eq!(made.to_fulfilment_order_id, order.id);
    assert_eq!(depot.state(&order).await, ["1 1 OPEN 1:5 2:3"]);
    let after = depot.now(&order).await;
    assert_eq!(handles(&after), ["fraud-check"]);
    assert!(after.version > order.version);
    let moves = find_moves(&mut depot.connection, depot.tenant, order.order_id).await;
    let moves = moves.unwrap();
    assert_eq!(moves.len(), 1);
    assert_eq!(moves[0].units, units(&[(1, 5), (2, 3)]));
    assert_eq!(
        (moves[0].from_warehouse_id, moves[0].to_warehouse_id),
        (warehouse(0), warehouse(1))
    );
    assert!(moves[0].trace.is_some());
}

#[tokio::test]
async fn a_part_goes_to_a_new_fulfilment_order_and_later_parts_join_it() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[5, 3]).await;
    depot.keep(&order, "fraud-check").await;
    let part = Some(units(&[(1, 2), (2, 3)]));
    depot.send_to(&order, part, warehouse(1)).await.unwrap();
    assert_eq!(
        depot.state(&order).await,
        ["1 0 OPEN 1:3", "2 1 OPEN 1:2 2:3"]
    );
    depot.keep(&order, "address").await;
    let part = Some(units(&[(1, 1)]));
    depot.send_to(&order, part, warehouse(1)).await.unwrap();
    assert_eq!(
        depot.state(&order).await,
        ["1 0 OPEN 1:2", "2 1 OPEN 1:3 2:3"]
    );
    let all = depot.all_of(&order).await;
    assert_eq!(handles(&all[1]), ["address", "fraud-check"]);
    assert_eq!(all[1].created_at, all[0].created_at);
    // The rest joins it too, and leaves nothing.
    depot.send_to(&order, None, warehouse(1)).await.unwrap();
    assert_eq!(
        depot.state(&order).await,
        ["1 0 CANCELLED ", "2 1 OPEN 1:5 2:3"]
    );
    let closed = depot.send_to(&order, None, warehouse(1)).await;
    assert!(matches!(
        closed,
        Err(FulfilmentError::Refused(Refusal::Closed(_)))
    ));
}

#[tokio::test]
async fn what_was_sent_or_packed_stays() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[5]).await;
    let shipped = depot.create(&order, Some(units(&[(1, 2)])), ShipmentStatus::Shipped);
    shipped.await.unwrap();
    let packed = depot.create(&order, Some(units(&[(1, 1)])), ShipmentStatus::Packed);
    packed.await.unwrap();
    let refused = depot.send_to(&order, None, warehouse(1)).await;
    assert!(matches!(
        refused,
        Err(FulfilmentError::Refused(Refusal::Packed))
    ));
    let part = Some(units(&[(1, 2)]));
    depot.send_to(&order, part, warehouse(1)).await.unwrap();
    assert_eq!(
        depot.state(&order).await,
        ["1 0 IN_PROGRESS 1:3", "2 1 OPEN 1:2"]
    );
}

#[tokio::test]
async fn units_of_a_shipment_that_never_left_go_to_the_fulfilment_order_that_is_open_there() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[5, 1]).await;
    let sent = Some(units(&[(1, 2), (2, 1)]));
    let shipped = depot.create(&order, sent, ShipmentStatus::Shipped);
    let shipped = shipped.await.unwrap();
    depot.send_to(&order, None, warehouse(1)).await.unwrap();
    let second = depot.all_of(&order).await.remove(1);
    depot.send_to(&second, None, warehouse(0)).await.unwrap();
    assert_eq!(
        depot.state(&order).await,
        ["1 0 CLOSED 1:2 2:1", "2 0 OPEN 1:3"]
    );
    let tenant = depot.tenant;
    let cancelled = transaction(&mut depot.connection, async |connection| {
        let any = ExpectedVersion::Any;
        cancel_shipment(
            connection,
            tenant,
            None,
            shipped,
            (&any, "it never left"),
            false,
        )
        .await
    });
    let cancelled = cancelled.await.unwrap().unwrap();
    assert_eq!(cancelled.units.units.get(&product(0)), Some(&2));
    assert_eq!(
        depot.state(&order).await,
        ["1 0 CANCELLED ", "2 0 OPEN 1:5 2:1"]
    );
    let moves = find_moves(&mut depot.connection, tenant, order.order_id).await;
    let causes: Vec<MoveCause> = moves.unwrap().iter().map(|it| it.cause).collect();
    assert_eq!(
        causes,
        [
            MoveCause::Operator,
            MoveCause::Operator,
            MoveCause::ShipmentCancelled
        ]
    );
}

#[tokio::test]
async fn holds_are_combined_only_within_their_limit() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[2]).await;
    let part = || Some(units(&[(1, 1)]));
    depot.send_to(&order, part(), warehouse(1)).await.unwrap();
    let there = depot.all_of(&order).await.remove(1);
    for number in 0..10 {
        depot.keep(&there, &format!("there-{number}")).await;
    }
    depot.keep(&order, "there-1").await;
    depot.keep(&order, "rerouting").await;
    let before = depot.state(&order).await;
    depot.keep(&order, "here").await;
    let refused = depot.send_to(&order, part(), warehouse(1)).await;
    assert!(matches!(
        refused,
        Err(FulfilmentError::Refused(Refusal::TooManyHolds))
    ));
    assert_eq!(depot.state(&order).await, before);
}

#[tokio::test]
async fn an_order_is_moved_a_hundred_times_at_most() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[1]).await;
    for number in 1..=100 {
        let to = warehouse(number % 2);
        depot.send_to(&order, None, to).await.unwrap();
    }
    let refused = depot.send_to(&order, None, warehouse(1)).await;
    assert!(matches!(
        refused,
        Err(FulfilmentError::Refused(Refusal::TooManyMoves))
    ));
    assert_eq!(depot.state(&order).await, ["1 0 OPEN 1:1"]);
}

#[tokio::test]
async fn erasing_addresses_erases_why_warehouses_were_chosen() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[1]).await;
    depot.send_to(&order, None, warehouse(1)).await.unwrap();
    let (tenant, ids) = (depot.tenant, [order.order_id]);
    let erasing = transaction(&mut depot.connection, async |connection| {
        erase_addresses(connection, tenant, &ids).await
    });
    erasing.await.unwrap();
    let moves = find_moves(&mut depot.connection, tenant, order.order_id).await;
    assert_eq!(moves.unwrap()[0].trace, None);
    let after = depot.now(&order).await;
    assert_eq!(after.status, FulfilmentOrderStatus::Open);
}
