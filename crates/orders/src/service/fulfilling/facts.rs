//! What the timeline says about holds: for programs, and in words.

use oms_fulfilment::{FulfilmentOrder, FulfilmentOrderId, HoldHandle, NewHold};
use serde_json::json;

use crate::service::transitions::happenings::Told;

/// A hold was placed.
pub(crate) fn of_hold(order: &FulfilmentOrder, hold: &NewHold) -> Told {
    let data = json!({
        "fulfilmentOrderId": order.id, "handle": hold.handle, "reason": hold.reason,
    });
    let reason = format!(
        "fulfilment order {} is on hold: {}",
        order.number,
        hold.reason.in_words()
    );
    Told::new("fulfilment_order.held", data, reason)
}

/// A hold was released.
pub(crate) fn of_release(id: FulfilmentOrderId, handle: &HoldHandle) -> Told {
    let data = json!({ "fulfilmentOrderId": id, "handle": handle });
    Told::new(
        "fulfilment_order.released",
        data,
        format!("hold {handle} was released"),
    )
}
