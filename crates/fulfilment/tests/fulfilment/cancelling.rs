//! Cancelling shipments and what was not sent.

use oms_database::transaction;
use oms_fulfilment::{
    CancelledShipment, FulfilmentError, FulfilmentOrderStatus, FulfilmentStatus, Refusal,
    ShipmentId, ShipmentStatus, Undo, cancel_frozen, cancel_shipment, cancel_unsent,
    deliver_shipment, erase_addresses, find_fulfilments, freeze_unsent, thaw,
};
use oms_validation::ExpectedVersion;

use crate::fixture::{Depot, product, units, warehouse};

impl Depot {
    async fn cancel(
        &mut self,
        id: ShipmentId,
    ) -> Result<Option<CancelledShipment>, FulfilmentError> {
        let tenant = self.tenant;
        transaction(&mut self.connection, async |connection| {
            let any = ExpectedVersion::Any;
            cancel_shipment(connection, tenant, None, id, &any, "it never left").await
        })
        .await
    }

    async fn deliver(&mut self, id: ShipmentId) -> Result<bool, FulfilmentError> {
        let tenant = self.tenant;
        let delivered = transaction(&mut self.connection, async |connection| {
            let any = ExpectedVersion::Any;
            deliver_shipment(connection, tenant, None, id, &any, None).await
        });
        Ok(delivered.await?.is_some())
    }
}

#[tokio::test]
async fn a_shipment_that_never_left_makes_its_units_outstanding_again() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[2]).await;
    let id = depot
        .create(&order, None, ShipmentStatus::Shipped)
        .await
        .unwrap();
    assert_eq!(
        depot.now(&order).await.status,
        FulfilmentOrderStatus::Closed
    );
    let cancelled = depot.cancel(id).await.unwrap().unwrap();
    assert_eq!((cancelled.undo, cancelled.reopened), (Undo::Shipping, true));
    assert_eq!(cancelled.units.units.get(&product(0)), Some(&2));
    assert_eq!(depot.cancel(id).await.unwrap(), None);
    let after = depot.now(&order).await;
    assert_eq!((after.outstanding(), after.closed_at), (2, None));
    let packed = depot
        .create(&order, None, ShipmentStatus::Packed)
        .await
        .unwrap();
    let cancelled = depot.cancel(packed).await.unwrap().unwrap();
    assert_eq!((cancelled.undo, cancelled.reopened), (Undo::Packing, false));
    let shipment = depot.shipment(packed).await;
    assert_eq!(shipment.cancel_reason.as_deref(), Some("it never left"));
}

#[tokio::test]
async fn a_shipment_is_delivered_once_and_then_not_cancelled() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[1]).await;
    let id = depot
        .create(&order, None, ShipmentStatus::Packed)
        .await
        .unwrap();
    let early = depot.deliver(id).await;
    assert!(matches!(
        early,
        Err(FulfilmentError::Refused(Refusal::NotShipped(_)))
    ));
    depot.send(id, Vec::new()).await.unwrap();
    assert!(depot.deliver(id).await.unwrap());
    assert!(!depot.deliver(id).await.unwrap());
    let late = depot.cancel(id).await;
    assert!(matches!(
        late,
        Err(FulfilmentError::Refused(Refusal::Delivered))
    ));
    let tenant = depot.tenant;
    let found = find_fulfilments(&mut depot.connection, tenant, None, &[order.order_id]).await;
    assert_eq!(
        found.unwrap()[&order.order_id].status(),
        FulfilmentStatus::Delivered
    );
}

#[tokio::test]
async fn frozen_units_are_thawed_or_cancelled_with_their_packed_shipments() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[3, 1]).await;
    let (tenant, order_id) = (depot.tenant, order.order_id);
    let one = || Some(units(&[(1, 1)]));
    depot
        .create(&order, one(), ShipmentStatus::Shipped)
        .await
        .unwrap();
    let packed = depot
        .create(&order, one(), ShipmentStatus::Packed)
        .await
        .unwrap();
    let connection = &mut depot.connection;
    let frozen = freeze_unsent(connection, tenant, None, order_id, "cancelled")
        .await
        .unwrap();
    assert_eq!(frozen.into_iter().collect::<Vec<_>>(), [(1, 2), (2, 1)]);
    assert_eq!(
        depot.shipment(packed).await.status,
        ShipmentStatus::Cancelled
    );
    let refused = depot.create(&order, one(), ShipmentStatus::Shipped).await;
    assert!(matches!(
        refused,
        Err(FulfilmentError::Refused(
            Refusal::MoreThanOutstanding { .. }
        ))
    ));
    let connection = &mut depot.connection;
    assert!(thaw(connection, tenant, None, order_id).await.unwrap());
    assert!(!thaw(connection, tenant, None, order_id).await.unwrap());
    assert!(
        cancel_frozen(connection, tenant, None, order_id)
            .await
            .unwrap()
            .is_empty()
    );
    freeze_unsent(connection, tenant, None, order_id, "cancelled")
        .await
        .unwrap();
    let cancelled = cancel_frozen(connection, tenant, None, order_id)
        .await
        .unwrap();
    let expected = [(product(0), 2), (product(1), 1)].into_iter().collect();
    assert_eq!(cancelled, [(warehouse(0), expected)]);
    let closed = depot.now(&order).await;
    assert_eq!(closed.status, FulfilmentOrderStatus::Closed);
    assert!(closed.closed_at.is_some());
    let connection = &mut depot.connection;
    let nothing = freeze_unsent(connection, tenant, None, order_id, "cancelled").await;
    assert!(nothing.unwrap().is_empty());
}

#[tokio::test]
async fn what_was_not_sent_is_cancelled_at_once() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[2]).await;
    let packed = depot
        .create(&order, None, ShipmentStatus::Packed)
        .await
        .unwrap();
    let (tenant, order_id) = (depot.tenant, order.order_id);
    for _ in 0..2 {
        let connection = &mut depot.connection;
        cancel_unsent(connection, tenant, None, order_id, "cancelled")
            .await
            .unwrap();
        let after = depot.now(&order).await;
        assert_eq!(
            (after.status, after.outstanding()),
            (FulfilmentOrderStatus::Cancelled, 0)
        );
    }
    assert_eq!(
        depot.shipment(packed).await.status,
        ShipmentStatus::Cancelled
    );
}

#[tokio::test]
async fn erasing_removes_addresses_and_what_carriers_said() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[1]).await;
    let id = depot
        .create(&order, None, ShipmentStatus::Shipped)
        .await
        .unwrap();
    let sql = format!(
        "INSERT INTO fulfilment.tracking_events
             (tenant_id, shipment_id, id, parcel_number, status, detail, happened_at, actor)
         VALUES ('{}', '{id}', gen_random_uuid(), 1, 'delivered', 'left with Mr Smith', now(), 'x')",
        depot.tenant
    );
    depot.execute(&sql).await;
    assert!(depot.shipment(id).await.destination.is_some());
    let tenant = depot.tenant;
    erase_addresses(&mut depot.connection, tenant, &[order.order_id])
        .await
        .unwrap();
    assert_eq!(depot.shipment(id).await.destination, None);
    let left = "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM fulfilment.tracking_events WHERE detail IS NOT NULL); END $$";
    depot.execute(left).await;
}
