//! Holds, and beginning and stopping work.

use oms_database::transaction;
use oms_fulfilment::{
    FulfilmentError, FulfilmentOrder, HoldReason, NewHold, Refusal, ShipmentStatus, ShownStatus,
    Work, change_work, place_hold, release_hold,
};
use oms_validation::ExpectedVersion;

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
