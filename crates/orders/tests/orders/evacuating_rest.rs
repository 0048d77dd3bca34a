//! What an evacuation can't move: it ends anyway, and what is left in the warehouse is on hold.

use oms_fulfilment::{EvacuationStatus, FulfilmentOrderStatus, ShipmentStatus};
use oms_orders::{EvacuationChange, change_evacuation, order_fulfilments};
use oms_testing::gateway::Refunding;

use crate::evacuating::shop_at_noon;
use crate::rerouting::at;
use crate::shop::{Shop, tenant};

impl Shop {
    /// The holds on the fulfilment order of an order, and its status.
    async fn held(&self, order_id: oms_validation::OrderId) -> Vec<String> {
        let orders = order_fulfilments(&self.context, tenant(), order_id).await;
        let orders = orders.unwrap().fulfilment_orders.into_iter();
        let words = |order: oms_fulfilment::FulfilmentOrder| {
            let notes = order.holds.iter().filter_map(|hold| hold.note.as_ref());
            let notes: Vec<&str> = notes.map(|note| note.as_str()).collect();
            format!("{} {}", order.shown_status(), notes.join(", "))
        };
        orders.map(words).collect()
    }
}

#[tokio::test]
async fn units_that_are_not_reserved_are_on_hold_and_the_evacuation_ends() {
    let shop = shop_at_noon(&[100, 100]).await;
    let order_id = shop.paid("k").await;
    shop.execute(
        "DELETE FROM inventory.reservations; UPDATE inventory.stock_levels SET reserved = 0",
    )
    .await;
    let evacuation = shop.evacuate(0, "e").await.unwrap();
    let finished = shop.finish(evacuation.id).await;
    assert_eq!((finished.moved, finished.held), (0, 1));
    assert_eq!(
        shop.held(order_id).await,
        ["ON_HOLD the order does not hold the units"]
    );
}

#[tokio::test]
async fn what_an_older_instance_left_of_an_ended_order_is_cancelled() {
    let shop = shop_at_noon(&[100, 100]).await;
    let order_id = shop.paid("k").await;
    drop(shop.cancel(order_id).await.unwrap());
    shop.reopen_fulfilment().await;
    let evacuation = shop.evacuate(0, "e").await.unwrap();
    let finished = shop.finish(evacuation.id).await;
    assert_eq!((finished.moved, finished.held), (0, 0));
    let closed = shop.work(order_id).await;
    assert_eq!(closed.status, FulfilmentOrderStatus::Cancelled);
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_part_that_stays_raises_the_version_once() {
    let shop = shop_at_noon(&[100, 100]).await;
    let order_id = shop.paid("k").await;
    shop.ship(order_id, Some(1), ShipmentStatus::Packed)
        .await
        .unwrap();
    let before = shop.work(order_id).await.version;
    shop.evacuate(0, "e").await.unwrap();
    shop.evacuate_all().await;
    assert_eq!(shop.works(order_id).await, ["1 0 ON_HOLD 1", "2 1 OPEN 2"]);
    let after = order_fulfilments(&shop.context, tenant(), order_id).await;
    let after = &after.unwrap().fulfilment_orders[0];
    assert_eq!(after.version, before + 1);
    shop.assert_sound().await;
}

/// Nobody works through the list of an evacuated warehouse.
#[tokio::test]
async fn units_that_never_left_an_evacuated_warehouse_are_on_hold_there() {
    let shop = shop_at_noon(&[100, 100]).await;
    let order_id = shop.paid("k").await;
    let sent = shop.ship(order_id, None, ShipmentStatus::Shipped).await;
    let evacuation = shop.evacuate(0, "e").await.unwrap();
    shop.finish(evacuation.id).await;
    let before = shop.work(order_id).await.version;
    shop.undo(sent.unwrap().id).await;
    assert_eq!(
        shop.held(order_id).await,
        ["ON_HOLD the warehouse was evacuated"]
    );
    let work = shop.work(order_id).await;
    assert_eq!(work.version, before + 1);
    let events = shop.rerouting_events().await;
    assert!(
        events.ends_with("fulfilment_order.reopened fulfilment_order.held"),
        "{events}"
    );
    // It is moved like any other, or sent once its hold is released.
    let nearest = crate::rerouting::to(oms_orders::Target::Nearest, None);
    shop.move_to(&work, &nearest).await.unwrap();
    shop.assert_sound().await;
}

#[tokio::test]
async fn units_that_never_left_an_open_warehouse_are_not_on_hold() {
    let shop = shop_at_noon(&[100, 100]).await;
    for is_finished in [true, false] {
        let order_id = shop.paid(&format!("k{is_finished}")).await;
        let sent = shop.ship(order_id, None, ShipmentStatus::Shipped).await;
        let evacuation = shop.evacuate(0, &format!("e{is_finished}")).await.unwrap();
        match is_finished {
            true => _ = shop.finish(evacuation.id).await,
            false => {
                let stop = EvacuationChange::Stop;
                let id = evacuation.id;
                let stopped = change_evacuation(&shop.context, tenant(), id, stop, None).await;
                assert_eq!(stopped.unwrap().status, EvacuationStatus::Stopped);
            }
        }
        let activate = "UPDATE inventory.warehouses SET active = true WHERE id =";
        shop.execute(&format!("{activate} '{}'", at(0))).await;
        shop.undo(sent.unwrap().id).await;
        assert_eq!(shop.works(order_id).await, ["1 0 IN_PROGRESS 3"]);
    }
    shop.assert_sound().await;
}

/// The shipment of an order whose money was refunded turns out never to have left.
#[tokio::test]
async fn a_shipment_of_an_ended_order_is_cancelled_with_one_version() {
    let shop = shop_at_noon(&[100, 100]).await;
    let order_id = shop.paid("k").await;
    let sent = shop.ship(order_id, Some(2), ShipmentStatus::Shipped).await;
    shop.gateway.refunds(Refunding::Pays);
    shop.refund(order_id, "r", None).await.unwrap();
    let before = shop.work(order_id).await;
    shop.undo(sent.unwrap().id).await;
    let after = shop.work(order_id).await;
    assert_eq!(after.status, FulfilmentOrderStatus::Cancelled);
    assert_eq!(after.version, before.version + 1);
    assert_eq!(shop.levels().await, "100/0/0 100/0/0");
    shop.assert_sound().await;
}

#[tokio::test]
async fn the_database_refuses_to_activate_a_warehouse_that_is_evacuated() {
    let shop = shop_at_noon(&[100, 100]).await;
    shop.evacuate(0, "e").await.unwrap();
    let mut connection = shop.database.connect().await;
    let activate = "UPDATE inventory.warehouses SET active = true";
    let refused = diesel_async::SimpleAsyncConnection::batch_execute(&mut connection, activate);
    let refused = refused.await.unwrap_err().to_string();
    assert!(
        refused.contains("warehouses_evacuated_inactive"),
        "{refused}"
    );
}
