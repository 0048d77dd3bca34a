//! What the timeline says about returns: for programs, and in words. It has no text that a customer wrote.

use oms_fulfilment::{ReceiptId, Received, Return, ReturnLine};
use serde_json::{Value, json};

use crate::service::transitions::happenings::Told;

/// What happened to a return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// It waits for a decision.
    Requested,
    /// The units may be sent back.
    Approved,
    /// It was refused.
    Declined,
    /// It was withdrawn.
    Cancelled,
    /// Nothing more is expected.
    Closed,
}

impl Happened {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Requested => ("return.requested", "was requested"),
            Self::Approved => ("return.approved", "was approved"),
            Self::Declined => ("return.declined", "was declined"),
            Self::Cancelled => ("return.cancelled", "was cancelled"),
            Self::Closed => ("return.closed", "was closed"),
        }
    }
}

/// Something happened to a return.
pub(crate) fn of_return(it: &Return, what: Happened) -> Told {
    let (kind, words) = what.words();
    let line = |line: &ReturnLine| {
        json!({
            "line": line.number,
            "productId": line.product_id,
            "quantity": line.quantity,
            "reason": line.reason,
        })
    };
    let units: i64 = it.lines.iter().map(|it| i64::from(it.quantity)).sum();
    let lines = it.lines.iter().map(line).collect();
    let reason = format!("return {} of {} {words}", it.number, counted(units));
    Told::new(kind, data_of(it, lines), reason)
}

/// Units of a return arrived, with this receipt.
pub(crate) fn of_receipt(it: &Return, id: ReceiptId) -> Told {
    let receipt = it.receipts.iter().find(|receipt| receipt.id == id);
    let line = |(line, units): (&i32, &Received)| {
        json!({
            "line": line,
            "restock": units.restock,
            "quarantine": units.quarantine,
            "discard": units.discard,
            "missing": units.missing,
        })
    };
    let lines = receipt.map(|receipt| receipt.lines.iter().map(line).collect());
    let mut data = data_of(it, lines.unwrap_or_else(|| json!([])));
    if let Some(receipt) = receipt {
        data["receiptId"] = json!(receipt.id);
        data["warehouseId"] = json!(receipt.warehouse_id);
    }
    let arrived = receipt.map_or(0, |receipt| {
        let units = receipt.lines.values();
        units.map(|it| i64::from(it.arrived())).sum()
    });
    let reason = format!("{} of return {} arrived", counted(arrived), it.number);
    Told::new("return.received", data, reason)
}

fn data_of(it: &Return, lines: Value) -> Value {
    let mut data = json!({ "returnId": it.id, "number": it.number });
    data["lines"] = lines;
    if let Some(warehouse_id) = it.warehouse_id {
        data["warehouseId"] = json!(warehouse_id);
    }
    data
}

fn counted(units: i64) -> String {
    let plural = if units == 1 { "" } else { "s" };
    format!("{units} unit{plural}")
}
