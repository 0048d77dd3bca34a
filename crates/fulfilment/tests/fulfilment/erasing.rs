//! Personal data: erased with its order, and not stored after that.

use oms_database::transaction;
use oms_fulfilment::{
    FulfilmentError, NewHold, ParcelChange, Refusal, ShipmentId, ShipmentStatus, TrackingReport,
    TrackingStatus, TrackingUrl, cancel_shipment, change_parcel, erase_addresses, place_hold,
    record_tracking,
};
use oms_validation::{ExpectedVersion, OrderId};

use crate::fixture::{Depot, draft, parcel, units, warehouse};

const ANY: ExpectedVersion = ExpectedVersion::Any;

fn url() -> TrackingUrl {
    TrackingUrl::parse("https://carrier.example/track/1?postcode=10115").unwrap()
}

impl Depot {
    async fn erase(&mut self, order_id: OrderId) {
        let tenant = self.tenant;
        let erased = transaction(&mut self.connection, async |connection| {
            erase_addresses(connection, tenant, &[order_id]).await
        });
        erased.await.unwrap();
    }

    async fn reported(&mut self, id: ShipmentId, status: TrackingStatus) {
        let tenant = self.tenant;
        let report = TrackingReport {
            parcel: 1,
            status,
            detail: Some("left with Mr Smith".to_owned().try_into().unwrap()),
            happened_at: self.shipment(id).await.created_at,
            estimated_at: None,
        };
        let recorded = transaction(&mut self.connection, async |connection| {
            record_tracking(connection, tenant, None, id, &report, "api:ups").await
        });
        recorded.await.unwrap();
    }

    /// Fails if any text about the customer is left.
    async fn assert_erased(&mut self) {
        self.execute(
            "DO $$ BEGIN
                 ASSERT NOT EXISTS (SELECT FROM fulfilment.tracking_events WHERE detail IS NOT NULL), 'detail';
                 ASSERT NOT EXISTS (SELECT FROM fulfilment.parcels WHERE tracking_url IS NOT NULL), 'tracking URL';
                 ASSERT NOT EXISTS (SELECT FROM fulfilment.holds WHERE note IS NOT NULL), 'note';
                 ASSERT NOT EXISTS (SELECT FROM fulfilment.shipments
                     WHERE destination IS NOT NULL OR cancel_reason IS NOT NULL), 'shipment';
             END $$",
        )
        .await;
    }
}

#[tokio::test]
async fn erasing_removes_all_texts_about_the_customer_and_changes_the_versions() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[2]).await;
    let mut sent = draft(order.id, Some(units(&[(1, 1)])), ShipmentStatus::Shipped);
    sent.parcels[0].tracking_url = Some(url());
    let id = depot.create_draft(sent).await.unwrap();
    depot.reported(id, TrackingStatus::InTransit).await;
    let packed = depot
        .create(&order, None, ShipmentStatus::Packed)
        .await
        .unwrap();
    let hold = NewHold {
        handle: "address".to_owned().try_into().unwrap(),
        reason: oms_fulfilment::HoldReason::Address,
        note: Some("call Mr Smith".to_owned().try_into().unwrap()),
    };
    let tenant = depot.tenant;
    let changed = transaction(&mut depot.connection, async |connection| {
        place_hold(connection, tenant, None, order.id, &hold, "api").await?;
        cancel_shipment(
            connection,
            tenant,
            None,
            packed,
            (&ANY, "Mr Smith called"),
            false,
        )
        .await
    });
    changed.await.unwrap();
    let (before, work) = (depot.shipment(id).await, depot.now(&order).await);
    depot.erase(order.order_id).await;
    depot.assert_erased().await;
    assert_eq!(depot.shipment(id).await.version, before.version + 1);
    let erased = depot.now(&order).await;
    assert_eq!((erased.version, erased.holds.len()), (work.version + 1, 1));
    assert_eq!(
        depot.shipment(id).await.parcels[0]
            .tracking_number
            .as_deref(),
        Some("1Z1")
    );
}

#[tokio::test]
async fn after_erasure_no_text_about_the_customer_is_stored() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[3]).await;
    let one = || Some(units(&[(1, 1)]));
    let sent = depot
        .create(&order, one(), ShipmentStatus::Shipped)
        .await
        .unwrap();
    let packed = depot
        .create(&order, one(), ShipmentStatus::Packed)
        .await
        .unwrap();
    depot.erase(order.order_id).await;

    depot.reported(sent, TrackingStatus::Delivered).await;
    assert!(depot.shipment(sent).await.is_all_delivered());
    let tenant = depot.tenant;
    let cancelled = transaction(&mut depot.connection, async |connection| {
        cancel_shipment(
            connection,
            tenant,
            None,
            packed,
            (&ANY, "Mr Smith called"),
            false,
        )
        .await
    });
    assert!(cancelled.await.unwrap().is_some());
    let mut late = draft(order.id, one(), ShipmentStatus::Packed);
    late.destination = None;
    late.parcels[0].tracking_url = Some(url());
    let late = depot.create_draft(late).await.unwrap();
    let mut with_url = parcel("1Z2");
    with_url.tracking_url = Some(url());
    depot.execute("DELETE FROM fulfilment.parcels p USING fulfilment.shipments s WHERE s.id = p.shipment_id AND s.status = 'PACKED'").await;
    assert!(depot.send(late, vec![with_url]).await.unwrap());
    let change = ParcelChange {
        tracking_url: Some(url()),
        ..ParcelChange::default()
    };
    let refused = change_parcel(&depot.context, tenant, sent, 1, &ANY, change).await;
    assert!(matches!(
        refused,
        Err(FulfilmentError::Refused(Refusal::Erased))
    ));
    depot.assert_erased().await;
}
