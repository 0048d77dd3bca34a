//! What the timeline says about units that go to another warehouse.

use oms_fulfilment::{FulfilmentOrder, HoldReason, Move, NewHold, RejectionReason, Units};
use serde_json::{Value, json};

use crate::domain::reason::cut;
use crate::service::transitions::happenings::Told;

/// Units went to another warehouse.
pub(crate) fn of_move(made: &Move) -> Told {
    let data = json!({
        "moveId": made.id,
        "fulfilmentOrderId": made.fulfilment_order_id,
        "toFulfilmentOrderId": made.to_fulfilment_order_id,
        "fromWarehouseId": made.from_warehouse_id,
        "toWarehouseId": made.to_warehouse_id,
        "cause": made.cause,
        "lines": lines(&made.units),
    });
    let reason = format!(
        "{} went to another warehouse: {}",
        counted(&made.units),
        made.reason
    );
    Told::new("fulfilment_order.moved", data, cut(&reason))
}

/// A warehouse rejected units.
pub(crate) fn of_rejection(
    order: &FulfilmentOrder,
    units: &Units,
    reason: RejectionReason,
    words: &str,
) -> Told {
    let data = json!({
        "fulfilmentOrderId": order.id,
        "warehouseId": order.warehouse_id,
        "reason": reason,
        "lines": lines(units),
    });
    let reason = format!("the warehouse rejected {}: {words}", counted(units));
    Told::new("fulfilment_order.rejected", data, cut(&reason))
}

/// The hold on a fulfilment order that can't go anywhere, and why in words.
pub(crate) fn hold_of(reason: HoldReason, words: &str) -> NewHold {
    NewHold {
        handle: oms_fulfilment::HoldHandle::rerouting(),
        reason,
        note: oms_fulfilment::Note::parse(words).ok(),
    }
}

fn lines(units: &Units) -> Value {
    let line = |(line, quantity)| json!({ "line": line, "quantity": quantity });
    units.iter().map(line).collect()
}

fn counted(units: &Units) -> String {
    match units.iter().map(|(_, quantity)| i64::from(quantity)).sum() {
        1_i64 => "1 unit".to_owned(),
        units => format!("{units} units"),
    }
}
