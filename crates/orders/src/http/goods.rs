//! The fulfilment of an order, as JSON.

use chrono::{DateTime, Utc};
use oms_fulfilment::{
    Fulfilment, FulfilmentOrder, FulfilmentOrderId, FulfilmentStatus, OrderReturnStatus, Parcel,
    Return, ReturnId, ReturnStatus, Shipment, ShipmentId, ShipmentStatus, ShownStatus,
    TrackingStatus,
};
use oms_validation::WarehouseId;
use serde::Serialize;
use utoipa::ToSchema;

/// The members of an order about its goods.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Goods)]
pub(super) struct GoodsBody {
    fulfilment_status: FulfilmentStatus,
    /// `true` if something that is left to send is on hold; otherwise absent.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    on_hold: bool,
    /// When something of it is to be sent next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_ship_by: Option<DateTime<Utc>>,
    /// What its warehouses have to send.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fulfilment_orders: Vec<OrderShare>,
    /// Oldest first.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shipments: Vec<ShipmentSummary>,
    return_status: OrderReturnStatus,
    /// Oldest first.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    returns: Vec<ReturnSummary>,
}

/// The part of an order that one warehouse has to send.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FulfilmentOrderSummary)]
struct OrderShare {
    id: FulfilmentOrderId,
    warehouse_id: WarehouseId,
    status: ShownStatus,
    /// Units that are neither sent nor cancelled.
    outstanding: i64,
}

/// A shipment of an order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ShipmentSummary {
    id: ShipmentId,
    /// Numbered from 1 for each order.
    number: i32,
    status: ShipmentStatus,
    parcels: Vec<TrackedParcel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipped_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered_at: Option<DateTime<Utc>>,
}

/// A return of an order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReturnSummary {
    id: ReturnId,
    /// Numbered from 1 for each order.
    number: i32,
    status: ReturnStatus,
    /// Units that came back.
    received: i64,
    requested_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
}

/// How a customer follows a parcel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TrackedParcel {
    carrier: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking_url: Option<String>,
    /// The carrier's latest report.
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking_status: Option<TrackingStatus>,
}

impl From<Fulfilment> for GoodsBody {
    fn from(found: Fulfilment) -> Self {
        Self {
            fulfilment_status: found.status(),
            on_hold: found.is_on_hold(),
            next_ship_by: found.next_ship_by(),
            return_status: found.return_status(),
            returns: found.returns.iter().map(ReturnSummary::of).collect(),
            fulfilment_orders: found.fulfilment_orders.iter().map(OrderShare::of).collect(),
            shipments: found
                .shipments
                .into_iter()
                .map(ShipmentSummary::from)
                .collect(),
        }
    }
}

impl OrderShare {
    fn of(order: &FulfilmentOrder) -> Self {
        Self {
            id: order.id,
            warehouse_id: order.warehouse_id,
            status: order.shown_status(),
            outstanding: order.outstanding(),
        }
    }
}

impl ReturnSummary {
    fn of(it: &Return) -> Self {
        Self {
            id: it.id,
            number: it.number,
            status: it.status,
            received: it.received(),
            requested_at: it.requested_at,
            expires_at: it.expires_at,
        }
    }
}

impl From<Shipment> for ShipmentSummary {
    fn from(shipment: Shipment) -> Self {
        Self {
            id: shipment.id,
            number: shipment.number,
            status: shipment.status,
            parcels: shipment
                .parcels
                .into_iter()
                .map(TrackedParcel::from)
                .collect(),
            shipped_at: shipment.shipped_at,
            delivered_at: shipment.delivered_at,
        }
    }
}

impl From<Parcel> for TrackedParcel {
    fn from(parcel: Parcel) -> Self {
        Self {
            carrier: parcel.carrier,
            tracking_number: parcel.tracking_number,
            tracking_url: parcel.tracking_url,
            tracking_status: parcel.tracking_status,
        }
    }
}
