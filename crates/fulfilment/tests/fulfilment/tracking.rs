//! What carriers report, and changes of parcels.

use chrono::{DurationRound, TimeDelta, Utc};
use oms_database::transaction;
use oms_fulfilment::{
    FulfilmentError, ParcelChange, Refusal, Shipment, ShipmentId, ShipmentStatus, TrackingReport,
    TrackingStatus, change_parcel, record_tracking,
};
use oms_validation::ExpectedVersion;

use crate::fixture::{Depot, warehouse};

#[expect(
    clippy::disallowed_methods,
    reason = "only the distance to the database's time counts"
)]
fn report(parcel: i32, hours: i64, status: TrackingStatus) -> TrackingReport {
    let noon = Utc::now() - TimeDelta::days(2);
    let noon = noon.duration_trunc(TimeDelta::days(1)).unwrap();
    TrackingReport {
        parcel,
        status,
        detail: Some("Leipzig".to_owned().try_into().unwrap()),
        happened_at: noon + TimeDelta::hours(hours),
        estimated_at: None,
    }
}

impl Depot {
    async fn report(
        &mut self,
        id: ShipmentId,
        report: TrackingReport,
    ) -> Result<Shipment, FulfilmentError> {
        let tenant = self.tenant;
        transaction(&mut self.connection, async |connection| {
            record_tracking(connection, tenant, None, id, &report, "api:ups").await
        })
        .await
    }
}

#[tokio::test]
async fn the_latest_report_counts_and_repeated_and_late_ones_change_nothing() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[1]).await;
    let id = depot
        .create(&order, None, ShipmentStatus::Shipped)
        .await
        .unwrap();
    let there = depot
        .report(id, report(1, 1, TrackingStatus::Delivered))
        .await
        .unwrap();
    assert!(there.is_all_delivered());
    assert_eq!(there, depot.shipment(id).await);
    for _ in 0..2 {
        depot
            .report(id, report(1, 0, TrackingStatus::InTransit))
            .await
            .unwrap();
        let again = depot
            .report(id, report(1, 1, TrackingStatus::Delivered))
            .await
            .unwrap();
        assert_eq!((again.version, again.is_all_delivered()), (2, true));
    }
    let wrong = depot
        .report(id, report(2, 1, TrackingStatus::Delivered))
        .await;
    assert!(matches!(
        wrong,
        Err(FulfilmentError::Refused(Refusal::UnknownParcel {
            parcel: 2
        }))
    ));
}

#[tokio::test]
async fn a_parcel_is_changed_only_in_the_version_that_was_read() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[1]).await;
    let id = depot
        .create(&order, None, ShipmentStatus::Packed)
        .await
        .unwrap();
    let change = || ParcelChange {
        tracking_number: Some("1Z9".to_owned().try_into().unwrap()),
        ..ParcelChange::default()
    };
    let first = ExpectedVersion::OneOf(vec![1]);
    let (context, tenant) = (&depot.context, depot.tenant);
    let changed = change_parcel(context, tenant, id, 1, &first, change())
        .await
        .unwrap();
    assert_eq!(changed.parcels[0].tracking_number.as_deref(), Some("1Z9"));
    assert_eq!(
        (changed.parcels[0].carrier.as_str(), changed.version),
        ("UPS", 2)
    );
    let stale = change_parcel(context, tenant, id, 1, &first, change()).await;
    assert!(matches!(
        stale,
        Err(FulfilmentError::Changed { version: 2 })
    ));
    let any = ExpectedVersion::Any;
    let missing = change_parcel(context, tenant, id, 2, &any, change()).await;
    assert!(matches!(
        missing,
        Err(FulfilmentError::Refused(Refusal::UnknownParcel { .. }))
    ));
}

#[tokio::test]
async fn a_report_from_another_age_is_refused_and_one_from_tomorrow_counts_as_now() {
    let mut depot = Depot::open().await;
    let order = depot.order(warehouse(0), &[1]).await;
    let id = depot
        .create(&order, None, ShipmentStatus::Shipped)
        .await
        .unwrap();
    let before = depot.shipment(id).await;
    for days in [3, 4000, -4000] {
        let mut wrong = report(1, 0, TrackingStatus::InTransit);
        wrong.happened_at = before.created_at + TimeDelta::days(days);
        let refused = depot.report(id, wrong).await;
        assert!(matches!(
            refused,
            Err(FulfilmentError::Refused(Refusal::ImplausibleTime))
        ));
    }
    assert_eq!(depot.shipment(id).await, before);
    let mut ahead = report(1, 0, TrackingStatus::InTransit);
    ahead.happened_at = before.created_at + TimeDelta::hours(20);
    let reported = depot.report(id, ahead).await.unwrap();
    assert!(reported.parcels[0].status_at.unwrap() < before.created_at + TimeDelta::hours(19));
    let mut now = report(1, 0, TrackingStatus::Delivered);
    now.happened_at = reported.parcels[0].status_at.unwrap() + TimeDelta::microseconds(1);
    assert!(depot.report(id, now).await.unwrap().is_all_delivered());
}
