//! Writes what happened to the goods of an order to its timeline, in the commit of the change.

use oms_database::{Connection, DbError};
use oms_fulfilment::{FulfilmentOrder, Happening, Shipment, ShipmentLine, ShipmentStatus, Turn};
use oms_validation::{OrderId, TenantId};
use serde_json::{Value, json};

use crate::domain::authorship::Authorship;
use crate::domain::clock::Now;
use crate::service::transitions::change_status::{Fact, NewEvent, add_event, add_events};

/// A fact and its words.
#[derive(Clone, Debug)]
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

    /// The event of an order.
    pub(crate) fn of_order<'a>(&'a self, order_id: OrderId, actor: &'a str) -> NewEvent<'a> {
        NewEvent {
            order_id,
            fact: &self.fact,
            actor,
            reason: &self.reason,
        }
    }
}

/// Writes a fact to the timeline of a locked order.
pub(crate) async fn tell(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    told: &Told,
    actor: &str,
) -> Result<(), DbError> {
    let authorship = Authorship {
        actor,
        reason: &told.reason,
    };
    add_event(connection, tenant, now, order_id, &told.fact, authorship).await?;
    Ok(())
}

/// Writes what happened to the timeline of a locked order.
pub(crate) async fn write_happenings(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    happened: &[Happening<'_>],
    actor: &str,
) -> Result<(), DbError> {
    let told: Vec<Told> = happened.iter().map(of_happening).collect();
    let events: Vec<_> = told.iter().map(|it| it.of_order(order_id, actor)).collect();
    add_events(connection, tenant, now, &events).await?;
    Ok(())
}

/// What the timeline says about a happening.
pub(crate) fn of_happening(happening: &Happening<'_>) -> Told {
    match happening {
        Happening::Shipment(shipment) => of_shipment(shipment),
        Happening::FulfilmentOrder(order, turn) => of_fulfilment_order(order, *turn),
        Happening::Fulfilled => {
            let reason = "everything that is to be sent was sent".to_owned();
            Told::new("order.fulfilled", json!({}), reason)
        }
        Happening::Delivered => {
            let reason = "everything that is to be sent was delivered".to_owned();
            Told::new("order.delivered", json!({}), reason)
        }
    }
}

/// A shipment was packed, sent, delivered or cancelled. Why it was cancelled is not told: that is somebody's own words,
/// which can be erased, and events can't.
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
    let reason = format!(
        "shipment {} of {units} unit{plural} {what}",
        shipment.number
    );
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

/// A fulfilment order changed.
pub(crate) fn of_fulfilment_order(order: &FulfilmentOrder, turn: Turn) -> Told {
    let (kind, words) = match turn {
        Turn::Opened => ("fulfilment_order.opened", "a warehouse is to send"),
        Turn::Started => ("fulfilment_order.started", "work began on"),
        Turn::Stopped => ("fulfilment_order.stopped", "work stopped on"),
        Turn::Frozen => ("fulfilment_order.frozen", "nothing more is sent for now of"),
        Turn::Thawed => ("fulfilment_order.thawed", "the rest may be sent again of"),
        Turn::PartlyCancelled => (
            "fulfilment_order.partly_cancelled",
            "units will not be sent of",
        ),
        Turn::Closed => ("fulfilment_order.closed", "nothing is left to send of"),
        Turn::Cancelled => ("fulfilment_order.cancelled", "nothing will be sent of"),
        Turn::Reopened => ("fulfilment_order.reopened", "something is left to send of"),
    };
    let data = json!({ "fulfilmentOrderId": order.id, "warehouseId": order.warehouse_id });
    Told::new(
        kind,
        data,
        format!("{words} fulfilment order {}", order.number),
    )
}
