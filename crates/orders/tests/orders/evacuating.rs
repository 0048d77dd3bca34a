//! Evacuating a warehouse: its open work moves to others in turns, and new orders do not come.

use std::sync::Arc;
use std::time::Duration;

use oms_fulfilment::{
    Evacuation, EvacuationId, EvacuationStatus, FulfilmentError, ShipmentStatus, find_evacuation,
};
use oms_inventory::InventoryError;
use oms_orders::{
    EvacuationChange, EvacuationTurn, Reason, ReroutingError, ShippingError, change_evacuation,
    evacuate_warehouses, measure_evacuations, start_evacuation,
};
use oms_testing::TestDatabase;
use oms_testing::clock::TestClock;
use oms_testing::gateway::Confirm;
use oms_validation::Once;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::rerouting::{at, shop_with};
use crate::shipping::key;
use crate::shop::{Opening, Shop, catalogue, other_tenant, tenant};

const MINUTE: Duration = Duration::from_secs(60);

/// A shop with a clock.
pub async fn shop_at_noon(stock: &[i32]) -> Shop {
    let database = TestDatabase::create();
    let pool = database.pool(8);
    let stock: Vec<[i32; 1]> = stock.iter().map(|units| [*units]).collect();
    let opening = Opening {
        clock: Some(TestClock::at_noon()),
        ..Opening::default()
    };
    Shop::open_on(database, pool, &catalogue(&stock), opening).await
}

impl Shop {
    pub async fn evacuate(
        &self,
        warehouse: usize,
        name: &str,
    ) -> Result<Evacuation, ReroutingError> {
        let (reason, key) = (Reason::parse("water damage").unwrap(), key(name));
        let id = at(warehouse);
        let started = start_evacuation(&self.context, tenant(), id, &reason, &key, "api").await;
        started.map(Once::into_inner)
    }

    pub async fn evacuation(&self, id: EvacuationId) -> Evacuation {
        let mut connection = self.database.connect().await;
        find_evacuation(&mut connection, tenant(), id)
            .await
            .unwrap()
    }

    /// Takes turns until nothing more is due.
    pub async fn evacuate_all(&self) -> EvacuationTurn {
        let mut all = EvacuationTurn::default();
        loop {
            let turn = evacuate_warehouses(&self.context).await.unwrap();
            all.moved += turn.moved;
            all.held += turn.held;
            all.failed += turn.failed;
            if !turn.more {
                return all;
            }
        }
    }

    /// Takes turns until the evacuation is finished. It waits for a minute in which nothing comes.
    pub async fn finish(&self, id: EvacuationId) -> Evacuation {
        self.evacuate_all().await;
        assert_eq!(
            self.evacuation(id).await.status,
            EvacuationStatus::InProgress
        );
        self.pass(MINUTE);
        self.evacuate_all().await;
        let finished = self.evacuation(id).await;
        assert_eq!(finished.status, EvacuationStatus::Finished);
        finished
    }

    /// `outcome reason` of what evacuations have dealt with.
    async fn report(&self) -> String {
        self.text(
            "SELECT coalesce(string_agg(concat_ws(': ', outcome, reason), ', ' ORDER BY order_id), '')
             FROM fulfilment.evacuated_orders",
        )
        .await
    }
}

#[tokio::test]
async fn all_open_work_moves_and_new_orders_go_elsewhere() {
    let shop = shop_at_noon(&[100, 100]).await;
    let mut orders = Vec::new();
    for number in 0..25 {
        orders.push(shop.paid(&format!("k{number}")).await);
    }
    let evacuation = shop.evacuate(0, "e").await.unwrap();
    assert_eq!(shop.evacuate(0, "e").await.unwrap().id, evacuation.id);
    let new = shop.paid("new").await;
    assert_eq!(shop.works(new).await, ["1 1 OPEN 3"]);
    // A turn is bounded, and the next one is due at once.
    let turn = evacuate_warehouses(&shop.context).await.unwrap();
    assert_eq!((turn.moved, turn.held, turn.more), (20, 0, true));
    let finished = shop.finish(evacuation.id).await;
    assert_eq!((finished.moved, finished.held), (25, 0));
    for order_id in orders {
        assert_eq!(shop.works(order_id).await, ["1 1 OPEN 3"]);
    }
    assert_eq!(shop.levels().await, "100/0/0 100/78/0");
    let active = "SELECT string_agg(active::text, ' ' ORDER BY id) FROM inventory.warehouses";
    assert_eq!(shop.text(active).await, "false true");
    shop.assert_sound().await;
}

#[tokio::test]
async fn what_can_not_move_is_on_hold_and_in_the_report() {
    let shop = shop_at_noon(&[100, 4]).await;
    let [moved, stuck, packed, cancelled] = ["a", "b", "c", "d"].map(str::to_owned);
    let moved = shop.paid(&moved).await;
    let stuck = shop.paid(&stuck).await;
    let packed = shop.paid(&packed).await;
    let cancelled = shop.paid(&cancelled).await;
    shop.ship(packed, None, ShipmentStatus::Packed)
        .await
        .unwrap();
    shop.cancel(cancelled).await.unwrap();
    let evacuation = shop.evacuate(0, "e").await.unwrap();
    let finished = shop.finish(evacuation.id).await;
    assert_eq!((finished.moved, finished.held), (1, 2));
    assert_eq!(
        shop.report().await,
        "moved, held: no other warehouse can fill it, held: units are packed"
    );
    assert_eq!(shop.works(moved).await, ["1 1 OPEN 3"]);
    assert_eq!(shop.works(stuck).await, ["1 0 ON_HOLD 3"]);
    assert_eq!(shop.works(packed).await, ["1 0 ON_HOLD 3"]);
    shop.assert_sound().await;
}

#[tokio::test]
async fn an_evacuation_waits_for_unpaid_orders() {
    let shop = shop_at_noon(&[100, 100]).await;
    shop.gateway.confirms(Confirm::PaysSilently);
    let pending = shop.pending("p").await;
    let evacuation = shop.evacuate(0, "e").await.unwrap();
    for _ in 0..3 {
        shop.evacuate_all().await;
        shop.pass(MINUTE);
    }
    let waiting = shop.evacuation(evacuation.id).await;
    assert_eq!(waiting.status, EvacuationStatus::InProgress);
    oms_orders::sweep_orders(&shop.context).await.unwrap();
    assert_eq!(shop.works(pending).await, ["1 0 OPEN 3"]);
    shop.pass(MINUTE);
    let finished = shop.finish(evacuation.id).await;
    assert_eq!((finished.moved, finished.held), (1, 0));
    assert_eq!(shop.works(pending).await, ["1 1 OPEN 3"]);
    shop.assert_sound().await;
}

#[tokio::test]
async fn a_stopped_evacuation_moves_nothing_and_a_resumed_one_tries_again() {
    let shop = shop_at_noon(&[100, 2]).await;
    let order_id = shop.paid("k").await;
    let evacuation = shop.evacuate(0, "e").await.unwrap();
    assert_eq!(shop.evacuate_all().await.held, 1);
    for _ in 0..2 {
        let stopped = change_evacuation(
            &shop.context,
            tenant(),
            evacuation.id,
            EvacuationChange::Stop,
            None,
        )
        .await;
        assert_eq!(stopped.unwrap().status, EvacuationStatus::Stopped);
    }
    shop.pass(MINUTE);
    assert_eq!(shop.evacuate_all().await, EvacuationTurn::default());
    assert_eq!(measure_evacuations(&shop.context).await.unwrap(), None);
    let other = shop.evacuate(0, "another").await;
    assert!(matches!(
        other,
        Err(ReroutingError::Shipping(ShippingError::Fulfilment(
            FulfilmentError::EvacuationUnfinished(id)
        ))) if id == evacuation.id
    ));
    shop.execute(
        "UPDATE inventory.stock_levels SET on_hand = 9 WHERE on_hand = 2;
                  UPDATE inventory.stock_movements SET quantity = 9 WHERE quantity = 2",
    )
    .await;
    let key = key("resume");
    for _ in 0..2 {
        let resumed = change_evacuation(
            &shop.context,
            tenant(),
            evacuation.id,
            EvacuationChange::Resume,
            Some(&key),
        )
        .await;
        assert_eq!(resumed.unwrap().held, 0);
    }
    let finished = shop.finish(evacuation.id).await;
    assert_eq!((finished.moved, finished.held), (1, 0));
    assert_eq!(shop.works(order_id).await, ["1 1 OPEN 3"]);
    for late in [
        change_evacuation(
            &shop.context,
            tenant(),
            evacuation.id,
            EvacuationChange::Stop,
            None,
        )
        .await,
        change_evacuation(
            &shop.context,
            tenant(),
            evacuation.id,
            EvacuationChange::Resume,
            None,
        )
        .await,
    ] {
        assert!(matches!(
            late,
            Err(ReroutingError::Shipping(ShippingError::Fulfilment(
                FulfilmentError::EvacuationFinished
            )))
        ));
    }
    shop.assert_sound().await;
}

#[tokio::test]
async fn an_evacuation_that_stands_still_is_measured() {
    let shop = shop_at_noon(&[100, 100]).await;
    assert_eq!(measure_evacuations(&shop.context).await.unwrap(), None);
    shop.evacuate(0, "e").await.unwrap();
    shop.pass(MINUTE);
    let measured = measure_evacuations(&shop.context).await.unwrap();
    assert_eq!(measured, Some(MINUTE));
}

#[tokio::test]
async fn only_a_tenant_s_own_warehouses_can_be_evacuated() {
    let shop = shop_with(&[10]).await;
    let unknown = shop.evacuate(7, "e").await;
    assert!(matches!(
        unknown,
        Err(ReroutingError::Inventory(InventoryError::WarehouseNotFound))
    ));
    let evacuation = shop.evacuate(0, "e").await.unwrap();
    let other = change_evacuation(
        &shop.context,
        other_tenant(),
        evacuation.id,
        EvacuationChange::Stop,
        None,
    )
    .await;
    assert!(matches!(
        other,
        Err(ReroutingError::Shipping(ShippingError::Fulfilment(
            FulfilmentError::EvacuationNotFound
        )))
    ));
}

/// Two instances work on the same evacuation, while stations ship from the warehouse and buyers cancel.
#[tokio::test(flavor = "multi_thread")]
async fn instances_that_evacuate_together_with_shippers_and_cancellers_move_each_order_once() {
    let shop = Arc::new(shop_at_noon(&[1000, 1000]).await);
    let mut orders = Vec::new();
    for number in 0..24 {
        orders.push(shop.paid(&format!("k{number}")).await);
    }
    let evacuation = shop.evacuate(0, "e").await.unwrap();
    let barrier = Arc::new(Barrier::new(4));
    let mut rivals = JoinSet::new();
    for _ in 0..2 {
        let (context, barrier) = (shop.another_context(), barrier.clone());
        rivals.spawn(async move {
            barrier.wait().await;
            while evacuate_warehouses(&context).await.unwrap().more {}
        });
    }
    let (shipper, at_once, shipped) = (shop.clone(), barrier.clone(), orders.clone());
    rivals.spawn(async move {
        at_once.wait().await;
        for order_id in shipped.iter().rev().step_by(2) {
            _ = shipper
                .ship(*order_id, Some(1), ShipmentStatus::Shipped)
                .await;
        }
    });
    let (canceller, cancelled) = (shop.clone(), orders.clone());
    rivals.spawn(async move {
        barrier.wait().await;
        for order_id in cancelled.iter().step_by(3) {
            _ = canceller.cancel(*order_id).await;
        }
    });
    rivals.join_all().await;
    shop.evacuate_all().await;
    shop.pass(MINUTE);
    shop.evacuate_all().await;
    let finished = shop.evacuation(evacuation.id).await;
    assert_eq!(finished.status, EvacuationStatus::Finished);
    let left = "SELECT count(*) FROM fulfilment.fulfilment_orders f
                WHERE closed_at IS NULL AND warehouse_id =
                      (SELECT id FROM inventory.warehouses ORDER BY id LIMIT 1)";
    assert_eq!(shop.text(left).await, "0");
    shop.assert_sound().await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(shop.text(deadlocks).await, "0");
}
