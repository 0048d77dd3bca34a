//! What the timeline says about fulfilment orders and shipments: for programs, and in words.

use oms_fulfilment::{
    FulfilmentOrder, FulfilmentOrderId, HoldHandle, NewHold, Shipment, ShipmentLine, ShipmentStatus,
};
use serde_json::{Value, json};

use crate::service::transitions::change_status::Fact;

/// A fact and its words.
pub(crate) struct Told {
    pub(crate) fact: Fact,
    pub(crate) reason: String,
}

impl Told {
    pub(crate) fn new(kind: &'static str, data: Value, reason: String) -> Self {
        let data = Some(data);
        Self {
            fact: Fact { kind, data },
            reason,
        }
    }
}

/// A shipment was packed, sent or delivered.
pub(crate) fn of_shipment(shipment: &Shipment) -> Told {
    let (kind, what) = match shipment.status {
        ShipmentStatus::Packed => ("shipment.packed", "was packed"),
        ShipmentStatus::Delivered => ("shipment.delivered", "was delivered"),
        ShipmentStatus::Cancelled => ("shipment.cancelled", "was cancelled"),
        ShipmentStatus::Shipped | ShipmentStatus::Other(_) => ("shipment.shipped", "was sent"),
    };
    let units: i64 = shipment
        .lines
        .iter()
        .map(|line| i64::from(line.quantity))
        .sum();
    let plural = if units == 1 { "" } else { "s" };
    let mut reason = format!(
        "shipment {} of {units} unit{plural} {what}",
        shipment.number
    );
    if let Some(why) = &shipment.cancel_reason {
        reason = format!("{reason}: {why}");
    }
    let reason = reason
        .chars()
        .take(oms_validation::Reason::MAX_LENGTH)
        .collect();
    let line = |line: &ShipmentLine| json!({ "line": line.number, "productId": line.product_id, "quantity": line.quantity });
    let lines: Vec<Value> = shipment.lines.iter().map(line).collect();
    let data = json!({
        "shipmentId": shipment.id,
        "number": shipment.number,
        "fulfilmentOrderId": shipment.fulfilment_order_id,
        "warehouseId": shipment.warehouse_id,
        "lines": lines,
    });
    Told::new(kind, data, reason)
}

/// Something happened to a fulfilment order.
pub(crate) fn of_fulfilment_order(order: &FulfilmentOrder, what: Happened) -> Told {
    let (kind, words) = match what {
        Happened::Started => ("fulfilment_order.started", "work began on"),
        Happened::Stopped => ("fulfilment_order.stopped", "work stopped on"),
        Happened::Closed => ("fulfilment_order.closed", "everything was sent of"),
        Happened::Reopened => ("fulfilment_order.reopened", "something is left to send of"),
    };
    let data = json!({ "fulfilmentOrderId": order.id, "warehouseId": order.warehouse_id });
    Told::new(
        kind,
        data,
        format!("{words} fulfilment order {}", order.number),
    )
}

/// What happened to a fulfilment order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// A warehouse began to work on it.
    Started,
    /// The warehouse returned it to the work list.
    Stopped,
    /// Everything was sent.
    Closed,
    /// A shipment of it never left.
    Reopened,
}

/// A hold was placed.
pub(crate) fn of_hold(order: &FulfilmentOrder, hold: &NewHold) -> Told {
    let data = json!({
        "fulfilmentOrderId": order.id, "handle": hold.handle, "reason": hold.reason,
    });
    let reason = format!(
        "fulfilment order {} is on hold: {}",
        order.number, hold.reason
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
