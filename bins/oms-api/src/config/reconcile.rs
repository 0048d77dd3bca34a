//! The settings of reverse reconciliation.

use std::time::Duration;

use oms_orders::ReconcileSchedule;

use super::reader::Reader;

/// Maximum number of gateway calls between two renewals of the lease: a list or a look-up, reading a charge again, and
/// reading, refunding and reading it once more.
const CALLS_BETWEEN: u32 = 6;
/// Minimum duration of a lease.
const SHORTEST_LEASE: Duration = Duration::from_secs(60);

/// The schedule on which the gateway's charges are compared with our orders. `None` if the interval is 0.
pub(super) fn reconcile_schedule(
    reader: &mut Reader<'_>,
    gateway_timeout: Duration,
) -> Option<ReconcileSchedule> {
    let interval = reader.milliseconds("OMS_RECONCILE_INTERVAL_MS", 3_600_000, 0..=604_800_000);
    let overlap = reader.milliseconds("OMS_RECONCILE_OVERLAP_MS", 86_400_000, 0..=2_592_000_000);
    let schedule = ReconcileSchedule {
        interval,
        overlap,
        lease: (gateway_timeout * (CALLS_BETWEEN + 1)).max(SHORTEST_LEASE),
    };
    (!interval.is_zero()).then_some(schedule)
}
