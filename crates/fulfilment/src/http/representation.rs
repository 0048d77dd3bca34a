//! Fulfilment orders and shipments as JSON.

use actix_web::{HttpResponse, HttpResponseBuilder};
use chrono::{DateTime, Utc};
use oms_validation::{OrderId, ProductId, WarehouseId};
use oms_web::{Disclosed, Disclosure, etag};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::fulfilment_order::{Action, FulfilmentOrder, ShownStatus};
use crate::domain::hold::{Hold, HoldHandle, HoldReason};
use crate::domain::id::{FulfilmentOrderId, ShipmentId};
use crate::domain::line::Line;
use crate::domain::parcel::Parcel;
use crate::domain::shipment::{Shipment, ShipmentLine, ShipmentStatus};
use crate::domain::text::Note;
use crate::domain::tracking::TrackingStatus;
use crate::http::examples;

/// The part of an order that one warehouse has to send.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FulfilmentOrder, examples(examples::fulfilment_order))]
pub struct FulfilmentOrderBody {
    id: FulfilmentOrderId,
    order_id: OrderId,
    /// Numbered from 1 for each order.
    number: i32,
    warehouse_id: WarehouseId,
    status: ShownStatus,
    version: i32,
    /// When it is to be sent at the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    ship_by: Option<DateTime<Utc>>,
    /// Before when it must not be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<DateTime<Utc>>,
    lines: Vec<LineBody>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    holds: Vec<HoldBody>,
    /// The requests that it accepts now.
    actions: Vec<Action>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<DateTime<Utc>>,
}

/// A line of a fulfilment order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FulfilmentLine)]
pub(crate) struct LineBody {
    /// The line's number in the order, from 1.
    line: i32,
    product_id: ProductId,
    /// Units that the warehouse was to send.
    quantity: i32,
    /// Units that left.
    shipped: i32,
    /// Units in parcels that have not left.
    packed: i32,
    /// Units that were cancelled.
    cancelled: i32,
    /// Units that are neither sent nor cancelled.
    outstanding: i32,
    /// Units that may be packed or sent now: outstanding, and neither packed nor about to be cancelled.
    ready: i32,
}

/// A reason for which a fulfilment order must not be sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Hold)]
pub(crate) struct HoldBody {
    handle: HoldHandle,
    reason: HoldReason,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Note>,
    /// Who placed it.
    actor: String,
    held_at: DateTime<Utc>,
}

/// A changed fulfilment order, for callers that may not read it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangedFulfilmentOrder {
    id: FulfilmentOrderId,
    status: ShownStatus,
    version: i32,
    updated_at: DateTime<Utc>,
}

/// What is handed over to a carrier at one time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Shipment, examples(examples::shipment))]
pub struct ShipmentBody {
    id: ShipmentId,
    order_id: OrderId,
    /// Numbered from 1 for each order.
    number: i32,
    fulfilment_order_id: FulfilmentOrderId,
    warehouse_id: WarehouseId,
    status: ShipmentStatus,
    version: i32,
    /// The order's address when the shipment was created: a text, or its parts. Absent once it is erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<Value>,
    lines: Vec<ShipmentLineBody>,
    parcels: Vec<ParcelBody>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipped_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_at: Option<DateTime<Utc>>,
    /// Why it was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_reason: Option<String>,
}

/// Units of a line in a shipment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ShippedLine)]
pub(crate) struct ShipmentLineBody {
    /// The line's number in the order, from 1.
    line: i32,
    product_id: ProductId,
    quantity: i32,
}

/// A parcel of a shipment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Parcel)]
pub(crate) struct ParcelBody {
    /// Numbered from 1 in its shipment.
    number: i32,
    carrier: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking_url: Option<String>,
    /// The carrier's latest report.
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking_status: Option<TrackingStatus>,
    /// The time of that report.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_at: Option<DateTime<Utc>>,
    /// When the carrier expects to deliver it.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered_at: Option<DateTime<Utc>>,
}

/// A changed shipment, for callers that may not read it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangedShipment {
    id: ShipmentId,
    status: ShipmentStatus,
    version: i32,
    updated_at: DateTime<Utc>,
}

/// The answer to a change of a fulfilment order.
pub type WrittenFulfilmentOrder = Disclosed<FulfilmentOrderBody, ChangedFulfilmentOrder>;

/// The answer to a change of a shipment.
pub type WrittenShipment = Disclosed<ShipmentBody, ChangedShipment>;

/// Answers with a resource and its version as `ETag`.
pub(crate) fn shown(version: i32, body: impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header(etag(version)).json(body)
}

/// Answers a change with the fulfilment order and its version as `ETag`.
pub fn written_fulfilment_order(
    mut response: HttpResponseBuilder,
    order: FulfilmentOrder,
    disclosure: Disclosure,
) -> HttpResponse {
    response
        .insert_header(etag(order.version))
        .json(WrittenFulfilmentOrder::of(order, disclosure.fulfilment))
}

/// Answers a change with the shipment and its version as `ETag`.
pub fn written_shipment(
    mut response: HttpResponseBuilder,
    shipment: Shipment,
    disclosure: Disclosure,
) -> HttpResponse {
    response
        .insert_header(etag(shipment.version))
        .json(WrittenShipment::of(shipment, disclosure.fulfilment))
}

impl From<FulfilmentOrder> for FulfilmentOrderBody {
    fn from(order: FulfilmentOrder) -> Self {
        Self {
            status: order.shown_status(),
            actions: order.actions(),
            id: order.id,
            order_id: order.order_id,
            number: order.number,
            warehouse_id: order.warehouse_id,
            version: order.version,
            ship_by: order.ship_by,
            not_before: order.not_before,
            lines: order.lines.into_iter().map(LineBody::from).collect(),
            holds: order.holds.into_iter().map(HoldBody::from).collect(),
            created_at: order.created_at,
            updated_at: order.updated_at,
            closed_at: order.closed_at,
        }
    }
}

impl From<Line> for LineBody {
    fn from(line: Line) -> Self {
        Self {
            line: line.number,
            product_id: line.product_id,
            quantity: line.quantity,
            shipped: line.shipped,
            packed: line.packed,
            cancelled: line.cancelled,
            outstanding: line.outstanding(),
            ready: line.ready(),
        }
    }
}

impl From<Hold> for HoldBody {
    fn from(hold: Hold) -> Self {
        Self {
            handle: hold.handle,
            reason: hold.reason,
            note: hold.note,
            actor: hold.actor,
            held_at: hold.held_at,
        }
    }
}

impl From<FulfilmentOrder> for ChangedFulfilmentOrder {
    fn from(order: FulfilmentOrder) -> Self {
        Self {
            id: order.id,
            status: order.shown_status(),
            version: order.version,
            updated_at: order.updated_at,
        }
    }
}

impl From<Shipment> for ShipmentBody {
    fn from(shipment: Shipment) -> Self {
        Self {
            id: shipment.id,
            order_id: shipment.order_id,
            number: shipment.number,
            fulfilment_order_id: shipment.fulfilment_order_id,
            warehouse_id: shipment.warehouse_id,
            status: shipment.status,
            version: shipment.version,
            destination: shipment.destination,
            lines: shipment
                .lines
                .into_iter()
                .map(ShipmentLineBody::from)
                .collect(),
            parcels: shipment.parcels.into_iter().map(ParcelBody::from).collect(),
            created_at: shipment.created_at,
            updated_at: shipment.updated_at,
            shipped_at: shipment.shipped_at,
            delivered_at: shipment.delivered_at,
            cancelled_at: shipment.cancelled_at,
            cancel_reason: shipment.cancel_reason,
        }
    }
}

impl From<ShipmentLine> for ShipmentLineBody {
    fn from(line: ShipmentLine) -> Self {
        Self {
            line: line.number,
            product_id: line.product_id,
            quantity: line.quantity,
        }
    }
}

impl From<Parcel> for ParcelBody {
    fn from(parcel: Parcel) -> Self {
        Self {
            number: parcel.number,
            carrier: parcel.carrier,
            service: parcel.service,
            tracking_number: parcel.tracking_number,
            tracking_url: parcel.tracking_url,
            tracking_status: parcel.tracking_status,
            status_at: parcel.status_at,
            estimated_at: parcel.estimated_at,
            delivered_at: parcel.delivered_at,
        }
    }
}

impl From<Shipment> for ChangedShipment {
    fn from(shipment: Shipment) -> Self {
        Self {
            id: shipment.id,
            status: shipment.status,
            version: shipment.version,
            updated_at: shipment.updated_at,
        }
    }
}
