//! The goods of an order: fulfilment orders, shipments, returns, moves, and the events that endpoints have not received.

use std::collections::HashMap;

use oms_events::{Delivery, DeliveryState, Endpoint};
use oms_fulfilment::{
    Action, Fulfilment, FulfilmentOrder, HoldReason, Return, Shipment, ShipmentStatus, ShownStatus,
};
use oms_inventory::Warehouse;
use oms_orders::ExplainedMove;
use oms_validation::{ProductId, Scope, WarehouseId};

use crate::display;
use crate::http::listing::options;
use crate::http::operator::Operator;
use crate::words;

/// A fulfilment order.
pub(super) struct FulfilmentCard {
    pub(super) id: String,
    pub(super) number: i32,
    pub(super) warehouse: String,
    pub(super) status: String,
    pub(super) tone: &'static str,
    pub(super) version: i32,
    pub(super) ship_by: Option<String>,
    pub(super) lines: Vec<UnitsRow>,
    pub(super) holds: Vec<HoldRow>,
    pub(super) may_ship: bool,
    pub(super) may_move: bool,
    /// Where its units may be moved: IDs and names.
    pub(super) targets: Vec<(String, String)>,
}

/// The units of a line.
pub(super) struct UnitsRow {
    pub(super) number: i32,
    pub(super) sku: String,
    pub(super) quantity: i32,
    pub(super) shipped: i32,
    pub(super) packed: i32,
    pub(super) cancelled: i32,
    pub(super) ready: i32,
}

/// A hold.
pub(super) struct HoldRow {
    pub(super) handle: String,
    pub(super) reason: &'static str,
    pub(super) note: String,
    /// What happens when it is released.
    pub(super) then: String,
    pub(super) may_release: bool,
}

/// A shipment.
pub(super) struct ShipmentRow {
    pub(super) number: i32,
    pub(super) warehouse: String,
    pub(super) status: String,
    pub(super) tone: &'static str,
    pub(super) units: String,
    pub(super) shipped: String,
    pub(super) delivered: String,
    pub(super) parcels: Vec<String>,
}

/// A return.
pub(super) struct ReturnRow {
    pub(super) id: String,
    pub(super) number: i32,
    pub(super) status: String,
    pub(super) tone: &'static str,
    pub(super) units: String,
    pub(super) note: String,
    pub(super) requested: String,
}

/// An event that an endpoint has not received.
pub(super) struct DeliveryRow {
    pub(super) endpoint: String,
    pub(super) endpoint_id: String,
    pub(super) event: String,
    pub(super) state: &'static str,
    pub(super) tone: &'static str,
    pub(super) tries: i32,
    /// What came of the latest try.
    pub(super) last: Option<String>,
    /// When it is tried again.
    pub(super) next: Option<String>,
}

type Warehouses = HashMap<WarehouseId, Warehouse>;
type Skus = HashMap<ProductId, String>;

pub(super) fn cards(
    goods: &Fulfilment,
    skus: &Skus,
    warehouses: &Warehouses,
    operator: &Operator,
) -> Vec<FulfilmentCard> {
    let may_write = operator.may(Scope::FulfilmentWrite);
    let orders = goods.fulfilment_orders.iter();
    orders
        .map(|order| card(order, skus, warehouses, may_write))
        .collect()
}

fn card(
    order: &FulfilmentOrder,
    skus: &Skus,
    warehouses: &Warehouses,
    may_write: bool,
) -> FulfilmentCard {
    let actions = order.actions();
    let shown = order.shown_status();
    let lines = order.lines.iter().map(|line| UnitsRow {
        number: line.number,
        sku: sku_of(line.product_id, skus),
        quantity: line.quantity,
        shipped: line.shipped,
        packed: line.packed,
        cancelled: line.cancelled,
        ready: line.ready(),
    });
    let warehouse = warehouse_of(order.warehouse_id, warehouses);
    let holds = order.holds.iter().map(|hold| HoldRow {
        then: release_in_words(hold.reason, order.holds.len(), &warehouse),
        handle: hold.handle.to_string(),
        reason: hold.reason.in_words(),
        note: hold
            .note
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        may_release: may_write && actions.contains(&Action::ReleaseHold),
    });
    let others = warehouses
        .values()
        .filter(|warehouse| warehouse.active && warehouse.id != order.warehouse_id);
    let others = others.map(|it| (it.id.to_string(), it.name.as_str().to_owned()));
    FulfilmentCard {
        id: order.id.to_string(),
        number: order.number,
        warehouse: warehouse.clone(),
        status: display::sentence(&shown.to_string()),
        tone: match shown {
            ShownStatus::Open | ShownStatus::InProgress => "busy",
            ShownStatus::OnHold => "bad",
            ShownStatus::Scheduled => "wait",
            ShownStatus::Closed => "ok",
            ShownStatus::Cancelled => "idle",
            ShownStatus::Other(_) => "note",
        },
        version: order.version,
        ship_by: order.ship_by.map(display::time),
        lines: lines.collect(),
        holds: holds.collect(),
        may_ship: may_write && actions.contains(&Action::CreateShipment),
        may_move: may_write && actions.contains(&Action::Move),
        targets: options(others),
    }
}

/// What happens when a hold is released.
fn release_in_words(reason: HoldReason, holds: usize, warehouse: &str) -> String {
    let then = match reason {
        HoldReason::NoWarehouse => {
            format!("The units go back on the list of {warehouse}, the same warehouse as before.")
        }
        _ => format!("{warehouse} may send the units."),
    };
    match holds {
        1 => then,
        _ => format!("{then} Until the other holds are released too, nothing is sent."),
    }
}

pub(super) fn shipments(
    goods: &Fulfilment,
    skus: &Skus,
    warehouses: &Warehouses,
) -> Vec<ShipmentRow> {
    let row = |shipment: &Shipment| {
        let units = shipment
            .lines
            .iter()
            .map(|line| format!("{} × {}", line.quantity, sku_of(line.product_id, skus)));
        let parcels = shipment.parcels.iter().map(|parcel| {
            let number = parcel.tracking_number.clone().unwrap_or_default();
            let status = parcel
                .tracking_status
                .map(|status| display::sentence(&status.to_string()));
            let parts = [parcel.carrier.clone(), number, status.unwrap_or_default()];
            let parts = parts.into_iter().filter(|part| !part.is_empty());
            parts.collect::<Vec<_>>().join(" · ")
        });
        ShipmentRow {
            number: shipment.number,
            warehouse: warehouse_of(shipment.warehouse_id, warehouses),
            status: display::sentence(&shipment.status.to_string()),
            tone: match shipment.status {
                ShipmentStatus::Packed => "busy",
                ShipmentStatus::Shipped => "wait",
                ShipmentStatus::Delivered => "ok",
                ShipmentStatus::Cancelled => "idle",
                ShipmentStatus::Other(_) => "note",
            },
            units: units.collect::<Vec<_>>().join(", "),
            shipped: shipment.shipped_at.map(display::time).unwrap_or_default(),
            delivered: shipment.delivered_at.map(display::time).unwrap_or_default(),
            parcels: parcels.collect(),
        }
    };
    goods.shipments.iter().map(row).collect()
}

pub(super) fn returns(goods: &Fulfilment, skus: &Skus) -> Vec<ReturnRow> {
    let row = |it: &Return| {
        let units = it.lines.iter().map(|line| {
            let sku = sku_of(line.product_id, skus);
            let reason = line.reason.to_string().replace('_', " ");
            format!("{} × {sku} ({reason})", line.quantity)
        });
        ReturnRow {
            id: it.id.to_string(),
            number: it.number,
            status: display::sentence(&it.status.to_string()),
            tone: if it.is_open() { "wait" } else { "idle" },
            units: units.collect::<Vec<_>>().join(", "),
            note: it
                .note
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            requested: display::time(it.requested_at),
        }
    };
    goods.returns.iter().map(row).collect()
}

pub(super) fn deliveries(found: Vec<(Endpoint, Vec<Delivery>)>) -> Vec<DeliveryRow> {
    let mut rows = Vec::new();
    for (endpoint, deliveries) in found {
        for delivery in deliveries {
            let (state, tone) = words::delivery(delivery.state);
            let is_due = delivery.state == DeliveryState::Retrying;
            let outcome = delivery.last_outcome;
            rows.push(DeliveryRow {
                endpoint: endpoint.url.to_string(),
                endpoint_id: endpoint.id.to_string(),
                event: delivery.key.to_string(),
                state,
                tone,
                tries: delivery.tries,
                last: outcome.map(|outcome| words::outcome(outcome, delivery.last_status)),
                next: is_due.then(|| display::time(delivery.due_at)),
            });
        }
    }
    rows
}

pub(super) fn move_in_words(explained: &ExplainedMove, warehouses: &Warehouses) -> String {
    let made = &explained.made;
    let quantities = made.units.iter().map(|(_, quantity)| i64::from(quantity));
    format!(
        "{}: {} from {} to {}, by {}: {}",
        display::time(made.moved_at),
        display::units(quantities.sum()),
        warehouse_of(made.from_warehouse_id, warehouses),
        warehouse_of(made.to_warehouse_id, warehouses),
        made.actor,
        made.reason,
    )
}

fn sku_of(product: ProductId, skus: &Skus) -> String {
    skus.get(&product)
        .cloned()
        .unwrap_or_else(|| product.to_string())
}

fn warehouse_of(id: WarehouseId, warehouses: &Warehouses) -> String {
    let known = warehouses.get(&id);
    known.map_or_else(|| id.to_string(), |it| it.name.as_str().to_owned())
}
