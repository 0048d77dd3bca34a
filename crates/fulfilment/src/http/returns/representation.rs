//! Returns as JSON.

use actix_web::{HttpResponse, HttpResponseBuilder};
use chrono::{DateTime, Utc};
use oms_validation::{OrderId, ProductId, WarehouseId};
use oms_web::{Disclosed, Disclosure, etag};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::id::{ReceiptId, ReturnId};
use crate::domain::returns::line::{Received, ReturnLine};
use crate::domain::returns::words::{RequestedBy, ReturnReason, ReturnStatus};
use crate::domain::returns::{Receipt, Return};
use crate::domain::text::Note;
use crate::http::examples;

/// What a customer sends back of an order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Return, examples(examples::return_))]
pub struct ReturnBody {
    id: ReturnId,
    order_id: OrderId,
    /// Numbered from 1 for each order.
    number: i32,
    status: ReturnStatus,
    version: i32,
    requested_by: RequestedBy,
    /// Where it is expected. It may arrive elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    warehouse_id: Option<WarehouseId>,
    lines: Vec<LineBody>,
    /// What arrived, oldest first.
    receipts: Vec<ReceiptBody>,
    /// What the customer says. Absent once it is erased, as are the two reasons.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Note>,
    /// Why an operator accepts it after its window.
    #[serde(skip_serializing_if = "Option::is_none")]
    override_reason: Option<Note>,
    /// Why it was declined, cancelled or closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision_reason: Option<Note>,
    requested_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// When it is closed if nothing of it was received.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<DateTime<Utc>>,
}

/// A line of a return.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReturnLine)]
pub(crate) struct LineBody {
    /// The line's number in the order, from 1.
    line: i32,
    product_id: ProductId,
    /// Units that are to come back.
    quantity: i32,
    reason: ReturnReason,
    /// Units that are for sale again.
    restocked: i32,
    /// Units that are in stock, and not for sale until somebody has checked them.
    quarantined: i32,
    /// Units that arrived and were thrown away.
    discarded: i32,
    /// Units that did not arrive.
    missing: i32,
    /// Units that are still to come.
    expected: i32,
    /// Units that the customer is credited for: those received, and those that need not be sent back.
    accepted: i32,
}

/// What arrived at one time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Receipt)]
pub(crate) struct ReceiptBody {
    /// The ID under which the stock moved.
    id: ReceiptId,
    warehouse_id: WarehouseId,
    lines: Vec<ReceivedBody>,
    /// Who received it.
    actor: String,
    received_at: DateTime<Utc>,
}

/// What was done with the units of a line.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReceivedUnits)]
pub(crate) struct ReceivedBody {
    /// The line's number in the order, from 1.
    line: i32,
    restock: i32,
    quarantine: i32,
    discard: i32,
    missing: i32,
}

/// A changed return, for callers that may not read it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangedReturn {
    id: ReturnId,
    status: ReturnStatus,
    version: i32,
    updated_at: DateTime<Utc>,
}

/// The answer to a change of a return.
pub type WrittenReturn = Disclosed<ReturnBody, ChangedReturn>;

/// Answers a change with the return and its version as `ETag`.
pub fn written_return(
    mut response: HttpResponseBuilder,
    it: Return,
    disclosure: Disclosure,
) -> HttpResponse {
    response
        .insert_header(etag(it.version))
        .json(WrittenReturn::of(it, disclosure.returns))
}

impl From<Return> for ReturnBody {
    fn from(it: Return) -> Self {
        Self {
            id: it.id,
            order_id: it.order_id,
            number: it.number,
            status: it.status,
            version: it.version,
            requested_by: it.requested_by,
            warehouse_id: it.warehouse_id,
            lines: it.lines.into_iter().map(LineBody::from).collect(),
            receipts: it.receipts.into_iter().map(ReceiptBody::from).collect(),
            note: it.note,
            override_reason: it.override_reason,
            decision_reason: it.decision_reason,
            requested_at: it.requested_at,
            updated_at: it.updated_at,
            expires_at: it.expires_at,
            closed_at: it.closed_at,
        }
    }
}

impl From<ReturnLine> for LineBody {
    fn from(line: ReturnLine) -> Self {
        Self {
            line: line.number,
            product_id: line.product_id,
            quantity: line.quantity,
            reason: line.reason,
            restocked: line.restocked,
            quarantined: line.quarantined,
            discarded: line.discarded,
            missing: line.missing,
            expected: line.expected(),
            accepted: line.accepted,
        }
    }
}

impl From<Receipt> for ReceiptBody {
    fn from(receipt: Receipt) -> Self {
        let line = |(line, units): (i32, Received)| ReceivedBody {
            line,
            restock: units.restock,
            quarantine: units.quarantine,
            discard: units.discard,
            missing: units.missing,
        };
        Self {
            id: receipt.id,
            warehouse_id: receipt.warehouse_id,
            lines: receipt.lines.into_iter().map(line).collect(),
            actor: receipt.actor,
            received_at: receipt.received_at,
        }
    }
}

impl From<Return> for ChangedReturn {
    fn from(it: Return) -> Self {
        Self {
            id: it.id,
            status: it.status,
            version: it.version,
            updated_at: it.updated_at,
        }
    }
}
