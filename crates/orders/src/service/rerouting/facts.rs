//! What the timeline says about units that go to another warehouse. Why they go is not told in somebody's own words, which
//! can be erased, and events can't.

use oms_fulfilment::{FulfilmentOrder, Move, MoveCause, RejectionReason, Units};
use serde_json::{Value, json};

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
    let units = counted(&made.units);
    let reason = match made.cause {
        MoveCause::Rejected => format!("{units} went to another warehouse, which can send them"),
        MoveCause::Evacuation => {
            format!("{units} went to another warehouse: theirs is being evacuated")
        }
        MoveCause::Operator | MoveCause::ShipmentCancelled | MoveCause::Other(_) => {
            format!("{units} went to another warehouse")
        }
    };
    Told::new("fulfilment_order.moved", data, reason)
}

/// A warehouse rejected units.
pub(crate) fn of_rejection(
    order: &FulfilmentOrder,
    units: &Units,
    reason: RejectionReason,
) -> Told {
    let data = json!({
        "fulfilmentOrderId": order.id,
        "warehouseId": order.warehouse_id,
        "reason": reason,
        "lines": lines(units),
    });
    let (units, words) = (counted(units), words_of(reason));
    let reason = format!("the warehouse rejected {units}: {words}");
    Told::new("fulfilment_order.rejected", data, reason)
}

/// Why a warehouse can't send units, in words.
pub(crate) const fn words_of(reason: RejectionReason) -> &'static str {
    match reason {
        RejectionReason::NotFound => "they were not found",
        RejectionReason::Damaged => "they are damaged",
        RejectionReason::Capacity => "the warehouse has too much to do",
        RejectionReason::Unlisted | RejectionReason::Other(_) => "it gave no reason",
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
