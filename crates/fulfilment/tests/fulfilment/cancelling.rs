//! Cancelling shipments and what was not sent.

use oms_database::transaction;
use oms_fulfilment::{
    CancelledShipment, Dispatch, FulfilmentError, FulfilmentOrderStatus, FulfilmentStatus,
    Happening, Refusal, ShipmentId, ShipmentStatus, Undo, UnsentChange, cancel_frozen,
    cancel_shipment, cancel_unsent, find_fulfilments, freeze_unsent, thaw,
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
            cancel_shipment(connection, tenant, None, id, (&any, "it never left"), false).await
        })
        .await
    }

    async fn deliver(&mut self, id: ShipmentId) -> Result<bool, FulfilmentError> {
        let tenant = self.tenant;
        transaction(&mut self.connection, async |connection| {
            let mut dispatch = Dispatch::lock(connection, tenant, None, &[], &[id]).await?;
            let delivered = dispatch.deliver(id, &ExpectedVersion::Any, None)?;
            dispatch.write(connection, tenant, None).await?;
            Ok(delivered)
        })
        .await
    }
}

/// Makes a change in a transaction.
macro_rules! within {
    ($depot:ident, $change:ident($($argument:expr),+)) => {{
        let tenant = $depot.tenant;
        let changed = transaction(&mut $depot.connection, async |connection| {
            $change(connection, tenant, None, $($argument),+).await
        });
        changed.await.unwrap()
    }};
}

/// What a change did, in words.
fn happened(change: &UnsentChange) -> Vec<String> {
    let word = |it: &Happening<'_>| match it {
        Happening::Shipment(shipment) => shipment.status.to_string(),
        Happening::FulfilmentOrder(_, turn) => format!("{turn:?}"),
        Happening::Fulfilled => "order fulfilled".to_owned(),
        Happening::Delivered => "order delivered".to_owned(),
    };
    change.happened().iter().map(word).collect()
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
    assert_eq!(cancelled.undo, Undo::Shipping);
    assert_eq!(cancelled.units.units.get(&product(0)), Some(&2));
    assert_eq!(depot.cancel(id).await.unwrap(), None);
    let after = depot.now(&order).await;
    assert_eq!((after.outstanding(), after.closed_at), (2, None));
    let packed = depot
        .create(&order, None, ShipmentStatus::Packed)
        .await
        .unwrap();
    let cancelled = depot.cancel(packed).await.unwrap().unwrap();
    assert_eq!(cancelled.undo, Undo::Packing);
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
    let order_id = order.order_id;
    let one = || Some(units(&[(1, 1)]));
    depot
        .create(&order, one(), ShipmentStatus::Shipped)
        .await
        .unwrap();
    let packed = depot
        .create(&order, one(), ShipmentStatus::Packed)
        .await
        .unwrap();
    let frozen = within!(depot, freeze_unsent(order_id, "cancelled"));
    assert_eq!(
        frozen.frozen().into_iter().collect::<Vec<_>>(),
        [(1, 2), (2, 1)]
    );
    assert_eq!(happened(&frozen), ["CANCELLED", "Frozen"]);
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
    let thawed = within!(depot, thaw(order_id));
    assert_eq!(happened(&thawed), ["Thawed"]);
    let again = within!(depot, thaw(order_id));
    let nothing = within!(depot, cancel_frozen(order_id));
    assert!(again.happened().is_empty() && nothing.cancelled().is_empty());
    within!(depot, freeze_unsent(order_id, "cancelled"));
    let cancelled = within!(depot, cancel_frozen(order_id));
    let expected = [(product(0), 2), (product(1), 1)].into_iter().collect();
    assert_eq!(cancelled.cancelled(), [(warehouse(0), expected)]);
    assert_eq!(happened(&cancelled), ["Closed", "order fulfilled"]);
    let closed = depot.now(&order).await;
    assert_eq!(closed.status, FulfilmentOrderStatus::Closed);
    assert!(closed.closed_at.is_some());
    let nothing = within!(depot, freeze_unsent(order_id, "cancelled"));
    assert!(nothing.frozen().is_empty() && nothing.happened().is_empty());
}

#[tokio::test]
async fn what_was_not_sent_is_cancelled_at_once() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[2]).await;
    let packed = depot
        .create(&order, None, ShipmentStatus::Packed)
        .await
        .unwrap();
    let order_id = order.order_id;
    for _ in 0..2 {
        within!(depot, cancel_unsent(order_id, "cancelled"));
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
