//! Holds, and beginning and stopping work.

use oms_database::transaction;
use oms_fulfilment::{
    FulfilmentError, FulfilmentOrder, FulfilmentOrderId, HoldReason, NewHold, Refusal,
    ShipmentStatus, ShownStatus, Work, change_work, list_held_orders, place_hold, release_hold,
};
use oms_testing::world::new_tenant;
use oms_validation::{ExpectedVersion, PageSize, TenantId};

use crate::fixture::{Depot, warehouse};

fn hold(handle: &str) -> NewHold {
    NewHold {
        handle: handle.to_owned().try_into().unwrap(),
        reason: HoldReason::FraudCheck,
        note: Some("looks odd".to_owned().try_into().unwrap()),
    }
}

impl Depot {
    async fn hold(
        &mut self,
        order: &FulfilmentOrder,
        handle: &str,
    ) -> Result<bool, FulfilmentError> {
        let (tenant, hold) = (self.tenant, hold(handle));
        let placed = transaction(&mut self.connection, async |connection| {
            place_hold(connection, tenant, None, order.id, &hold, "operator:ann").await
        });
        Ok(placed.await?.0)
    }

    async fn release(&mut self, order: &FulfilmentOrder, handle: &str) -> bool {
        let (tenant, handle) = (self.tenant, hold(handle).handle);
        let released = transaction(&mut self.connection, async |connection| {
            release_hold(connection, tenant, None, order.id, &handle).await
        });
        released.await.unwrap()
    }

    async fn work(
        &mut self,
        order: &FulfilmentOrder,
        expected: ExpectedVersion,
        work: Work,
    ) -> Result<bool, FulfilmentError> {
        let tenant = self.tenant;
        let changed = transaction(&mut self.connection, async |connection| {
            change_work(connection, tenant, None, order.id, &expected, work).await
        });
        Ok(changed.await?.0)
    }
}

impl Depot {
    /// The IDs of all pages of the list of holds.
    async fn held(&self, tenant: TenantId, size: u32) -> Vec<FulfilmentOrderId> {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let size = PageSize::new(size).unwrap();
            let page = list_held_orders(&self.context, tenant, after, size).await;
            let page = page.unwrap();
            ids.extend(page.items.iter().map(|order| order.id));
            after = page.next;
            if after.is_none() {
                return ids;
            }
        }
    }
}

#[tokio::test]
async fn the_list_of_holds_has_open_work_of_all_warehouses_the_oldest_first() {
    let mut depot = Depot::open().await;
    let mut orders = Vec::new();
    for number in [0, 1, 0, 1, 0] {
        orders.push(depot.order(warehouse(number), &[1]).await);
    }
    for number in [3, 1, 0, 4] {
        depot.hold(&orders[number], "fraud").await.unwrap();
    }
    depot.hold(&orders[1], "address").await.unwrap();
    depot.release(&orders[0], "fraud").await;
    // The hold of work that was cancelled stays.
    let cancelled = format!(
        "UPDATE fulfilment.fulfilment_orders SET status = 'CANCELLED', closed_at = now() WHERE id = '{}'",
        orders[4].id
    );
    depot.execute(&cancelled).await;
    let expected = [1, 3].map(|number: usize| orders[number].id);
    for size in [1, 2, 3, 100] {
        assert_eq!(depot.held(depot.tenant, size).await, expected);
    }
    let other = new_tenant(&mut depot.connection).await;
    assert_eq!(depot.held(other, 100).await, []);
}

#[tokio::test]
async fn the_list_of_holds_goes_on_after_many_of_cancelled_work() {
    let mut depot = Depot::open().await;
    let cancelled = depot.order(warehouse(0), &[1]).await;
    let many = format!(
        "INSERT INTO fulfilment.fulfilment_orders (tenant_id, id, order_id, number, warehouse_id, status, closed_at)
             SELECT tenant_id, uuidv7.id, uuidv7.id, 1, warehouse_id, 'CANCELLED', now()
             FROM fulfilment.fulfilment_orders,
                 (SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid AS id FROM generate_series(1, 2500) n) uuidv7
             WHERE fulfilment_orders.id = '{}';
         INSERT INTO fulfilment.holds (tenant_id, fulfilment_order_id, handle, reason, actor)
             SELECT tenant_id, id, 'fraud', 'fraud_check', 'x' FROM fulfilment.fulfilment_orders WHERE status = 'CANCELLED'",
        cancelled.id
    );
    depot.execute(&many).await;
    let open = depot.order(warehouse(0), &[1]).await;
    depot.hold(&open, "fraud").await.unwrap();
    assert_eq!(depot.held(depot.tenant, 10).await, [open.id]);
}

#[tokio::test]
async fn a_fulfilment_order_is_held_until_all_its_holds_are_released() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[1]).await;
    assert!(depot.hold(&order, "fraud").await.unwrap());
    assert!(!depot.hold(&order, "fraud").await.unwrap());
    assert!(depot.hold(&order, "address").await.unwrap());
    let held = depot.now(&order).await;
    assert_eq!(
        (held.shown_status(), held.version),
        (ShownStatus::OnHold, 3)
    );
    assert_eq!(held.holds[1].actor, "operator:ann");
    let refused = depot.create(&order, None, ShipmentStatus::Shipped).await;
    assert!(matches!(
        refused,
        Err(FulfilmentError::Refused(Refusal::OnHold(_)))
    ));
    assert!(depot.release(&order, "fraud").await);
    assert!(!depot.release(&order, "fraud").await);
    assert!(
        depot
            .create(&order, None, ShipmentStatus::Shipped)
            .await
            .is_err()
    );
    assert!(depot.release(&order, "address").await);
    depot
        .create(&order, None, ShipmentStatus::Shipped)
        .await
        .unwrap();
    let refused = depot.hold(&order, "late").await;
    assert!(matches!(
        refused,
        Err(FulfilmentError::Refused(Refusal::Closed(_)))
    ));
}

#[tokio::test]
async fn work_begins_and_stops_once() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[1]).await;
    let stale = depot
        .work(&order, ExpectedVersion::OneOf(vec![9]), Work::Start)
        .await;
    assert!(matches!(
        stale,
        Err(FulfilmentError::Changed { version: 1 })
    ));
    let first = ExpectedVersion::OneOf(vec![1]);
    assert!(
        depot
            .work(&order, first.clone(), Work::Start)
            .await
            .unwrap()
    );
    // A repeated request finds it done.
    assert!(!depot.work(&order, first, Work::Start).await.unwrap());
    assert!(
        depot
            .work(&order, ExpectedVersion::Any, Work::Stop)
            .await
            .unwrap()
    );
    assert_eq!(depot.now(&order).await.version, 3);
    depot
        .create(&order, None, ShipmentStatus::Packed)
        .await
        .unwrap();
    let refused = depot.work(&order, ExpectedVersion::Any, Work::Stop).await;
    assert!(matches!(
        refused,
        Err(FulfilmentError::Refused(Refusal::HasShipments))
    ));
}
