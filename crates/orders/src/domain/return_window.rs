//! Until when customers may request that units are returned.

use chrono::{DateTime, TimeDelta, Utc};
use oms_fulfilment::{Shipment, ShipmentStatus};

use crate::domain::return_terms::{ReturnSettings, WindowAnchor};

/// How long a shipment takes whose delivery nobody reported.
const ASSUMED_TRANSIT: TimeDelta = TimeDelta::days(7);

/// When the windows of the units of a line end, with the number of units, the latest first.
pub(crate) fn window_ends(
    shipments: &[Shipment],
    line: i32,
    settings: &ReturnSettings,
) -> Vec<(DateTime<Utc>, i32)> {
    let end = |shipment: &Shipment| {
        let begins = begin_of(shipment, settings.anchor)?;
        let units = shipment.units().of(line);
        let ends = begins + TimeDelta::days(settings.window_days.into());
        (units > 0).then_some((ends, units))
    };
    let mut ends: Vec<_> = shipments.iter().filter_map(end).collect();
    ends.sort_by_key(|(ends, _)| std::cmp::Reverse(*ends));
    ends
}

/// The units whose windows are open, and when the window of the next unit to come back ends: those that are in a return
/// already count as the latest ones.
pub(crate) fn open_units(
    ends: &[(DateTime<Utc>, i32)],
    occupied: i32,
    now: DateTime<Utc>,
) -> (i32, Option<DateTime<Utc>>) {
    let open: i32 = ends
        .iter()
        .filter(|(at, _)| *at >= now)
        .map(|it| it.1)
        .sum();
    let mut before = 0;
    let next = ends.iter().find(|(_, units)| {
        before += units;
        before > occupied
    });
    ((open - occupied).max(0), next.map(|(at, _)| *at))
}

fn begin_of(shipment: &Shipment, anchor: WindowAnchor) -> Option<DateTime<Utc>> {
    let has_left = matches!(
        shipment.status,
        ShipmentStatus::Shipped | ShipmentStatus::Delivered
    );
    let shipped_at = shipment.shipped_at.filter(|_| has_left)?;
    Some(match (anchor, shipment.delivered_at) {
        (WindowAnchor::Shipped, _) => shipped_at,
        (WindowAnchor::Delivered, Some(delivered_at)) => delivered_at,
        (WindowAnchor::Delivered, None) => shipped_at + ASSUMED_TRANSIT,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(number)
    }

    #[test]
    fn the_latest_units_come_back_first() {
        let ends = [(day(30), 2), (day(20), 1), (day(10), 4)];
        for (occupied, now, open, next) in [
            (0, 5, 7, Some(30)),
            (0, 15, 3, Some(30)),
            (2, 15, 1, Some(20)),
            (3, 15, 0, Some(10)),
            (5, 5, 2, Some(10)),
            (7, 5, 0, None),
            (0, 30, 2, Some(30)),
            (0, 31, 0, Some(30)),
        ] {
            let expected = (open, next.map(day));
            assert_eq!(
                open_units(&ends, occupied, day(now)),
                expected,
                "{occupied} {now}"
            );
        }
        assert_eq!(open_units(&[], 0, day(1)), (0, None));
    }
}
