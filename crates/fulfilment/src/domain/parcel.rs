//! Parcels, each with its own tracking.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::text::{CarrierName, TrackingNumber, TrackingUrl};
use crate::domain::tracking::{TrackingReport, TrackingStatus};

/// Maximum number of parcels of a shipment.
pub const MAX_PARCELS: usize = 20;

/// A parcel to add to a shipment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewParcel {
    /// The carrier.
    pub carrier: CarrierName,
    /// The carrier's service.
    pub service: Option<CarrierName>,
    /// The number under which the carrier tracks it.
    pub tracking_number: Option<TrackingNumber>,
    /// The page on which the carrier shows where it is.
    pub tracking_url: Option<TrackingUrl>,
}

/// A change of a parcel. Fields that are `None` stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParcelChange {
    /// The carrier.
    pub carrier: Option<CarrierName>,
    /// The carrier's service.
    pub service: Option<CarrierName>,
    /// The number under which the carrier tracks it.
    pub tracking_number: Option<TrackingNumber>,
    /// The page on which the carrier shows where it is.
    pub tracking_url: Option<TrackingUrl>,
}

/// A parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Numbered from 1 in its shipment.
    pub number: i32,
    /// The carrier.
    pub carrier: String,
    /// The carrier's service.
    pub service: Option<String>,
    /// The number under which the carrier tracks it.
    pub tracking_number: Option<String>,
    /// The page on which the carrier shows where it is.
    pub tracking_url: Option<String>,
    /// The carrier's latest report.
    pub tracking_status: Option<TrackingStatus>,
    /// The time of that report.
    pub status_at: Option<DateTime<Utc>>,
    /// When the carrier expects to deliver it.
    pub estimated_at: Option<DateTime<Utc>>,
    /// When it was delivered.
    pub delivered_at: Option<DateTime<Utc>>,
}

impl ParcelChange {
    /// Whether the change is empty.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the parcel with this change.
    pub(crate) fn applied_to(self, parcel: Parcel) -> Parcel {
        Parcel {
            carrier: self.carrier.map_or(parcel.carrier, |it| it.to_string()),
            service: self.service.map(|it| it.to_string()).or(parcel.service),
            tracking_number: self
                .tracking_number
                .map(|it| it.to_string())
                .or(parcel.tracking_number),
            tracking_url: self
                .tracking_url
                .map(|it| it.as_str().to_owned())
                .or(parcel.tracking_url),
            ..parcel
        }
    }
}

impl Parcel {
    /// Whether the carrier reports it as delivered.
    pub fn is_delivered(&self) -> bool {
        self.tracking_status == Some(TrackingStatus::Delivered)
    }

    /// The parcel after a report of the carrier. A report that is older than the latest changes nothing: carriers'
    /// hooks arrive in any order. A time in the future counts as the present, or it would outlast later reports.
    pub(crate) fn reported(self, report: &TrackingReport, present: DateTime<Utc>) -> Self {
        let happened_at = report.happened_at.min(present);
        if self.status_at.is_some_and(|latest| happened_at < latest) {
            return self;
        }
        let is_delivered = report.status == TrackingStatus::Delivered;
        Self {
            tracking_status: Some(report.status),
            status_at: Some(happened_at),
            estimated_at: report.estimated_at.or(self.estimated_at),
            delivered_at: is_delivered.then_some(happened_at),
            ..self
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn parcel() -> Parcel {
        Parcel {
            number: 1,
            carrier: "DHL".to_owned(),
            service: None,
            tracking_number: None,
            tracking_url: None,
            tracking_status: None,
            status_at: None,
            estimated_at: None,
            delivered_at: None,
        }
    }

    fn report(minute: i64, status: TrackingStatus) -> TrackingReport {
        let noon = DateTime::from_timestamp(1_764_417_600, 0).unwrap();
        TrackingReport {
            parcel: 1,
            status,
            detail: None,
            happened_at: noon + TimeDelta::minutes(minute),
            estimated_at: None,
        }
    }

    fn later() -> DateTime<Utc> {
        DateTime::from_timestamp(1_764_504_000, 0).unwrap()
    }

    #[test]
    fn a_report_from_the_future_does_not_outlast_later_ones() {
        let ahead = report(60, TrackingStatus::InTransit);
        let present = ahead.happened_at - TimeDelta::minutes(60);
        let reported = parcel().reported(&ahead, present);
        assert_eq!(reported.status_at, Some(present));
        let delivered = report(1, TrackingStatus::Delivered);
        assert!(reported.reported(&delivered, later()).is_delivered());
    }

    #[test]
    fn an_empty_change_keeps_everything_and_others_only_what_they_name() {
        assert!(ParcelChange::default().is_empty());
        let change = ParcelChange {
            tracking_number: Some(TrackingNumber::parse("00340434161094").unwrap()),
            ..ParcelChange::default()
        };
        let changed = change.applied_to(parcel());
        assert_eq!(changed.tracking_number.as_deref(), Some("00340434161094"));
        assert_eq!(changed.carrier, "DHL");
    }

    #[test]
    fn a_parcel_that_is_sent_back_after_delivery_is_not_delivered() {
        let delivered = parcel().reported(&report(1, TrackingStatus::Delivered), later());
        assert!(delivered.is_delivered() && delivered.delivered_at.is_some());
        let returned = delivered.reported(&report(2, TrackingStatus::ReturnToSender), later());
        assert!(!returned.is_delivered() && returned.delivered_at.is_none());
    }

    proptest! {
        #[test]
        fn the_latest_report_counts_in_whatever_order_they_arrive(
            order in Just((0..6_i64).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let statuses = TrackingStatus::ALL;
            let reported = order.iter().fold(parcel(), |parcel, minute| {
                parcel.reported(&report(*minute, statuses[usize::try_from(*minute).unwrap()]), later())
            });
            prop_assert_eq!(reported.tracking_status, Some(statuses[5]));
        }
    }
}
