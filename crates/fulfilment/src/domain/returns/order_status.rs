//! The return status of an order and what may be returned of it, derived from its returns and stored nowhere.

use std::collections::BTreeMap;

use crate::domain::returns::Return;
use crate::domain::returns::words::ReturnStatus;
use crate::domain::words;

words! {
    OrderReturnStatus, "How much of an order the customer has returned.", {
        /// Nothing came back or is expected.
        None = "NONE",
        /// A return waits for a decision.
        Requested = "REQUESTED",
        /// Something is expected.
        InProgress = "IN_PROGRESS",
        /// Something came back, and nothing is expected.
        PartiallyReturned = "PARTIALLY_RETURNED",
        /// Everything that was sent came back.
        Returned = "RETURNED",
    }
}

/// The return status of an order of which this many units were sent. It counts units, not lines.
pub(crate) fn return_status(returns: &[Return], shipped: i64) -> OrderReturnStatus {
    let counting = || returns.iter().filter(|it| it.counts());
    let received: i64 = counting().map(Return::received).sum();
    let has = |statuses: &[ReturnStatus]| counting().any(|it| statuses.contains(&it.status));
    if received > 0 && received == shipped {
        OrderReturnStatus::Returned
    } else if has(&[ReturnStatus::Approved, ReturnStatus::Received]) {
        OrderReturnStatus::InProgress
    } else if has(&[ReturnStatus::Requested]) {
        OrderReturnStatus::Requested
    } else if received > 0 {
        OrderReturnStatus::PartiallyReturned
    } else {
        OrderReturnStatus::None
    }
}

/// Units of each line that can't be returned once more, by the lines' numbers.
pub(crate) fn occupied(returns: &[Return]) -> BTreeMap<i32, i32> {
    let mut units = BTreeMap::new();
    for it in returns {
        for line in &it.lines {
            *units.entry(line.number).or_default() += it.occupied(line);
        }
    }
    units
}
