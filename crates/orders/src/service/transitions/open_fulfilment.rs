//! Opens the fulfilment order of an order, in the commit in which its money is secured.

use oms_database::{Connection, DbError};
use oms_fulfilment::{
    FulfilmentError, HoldHandle, HoldReason, NewFulfilmentOrder, NewHold, Note, find_fulfilment,
    find_opened, open_fulfilment_orders, place_hold,
};
use oms_validation::{OrderId, TenantId};
use serde_json::json;

use crate::domain::authorship::Authorship;
use crate::domain::clock::Now;
use crate::domain::order::{NewOrder, Order};
use crate::service::transitions::change_status::{Fact, add_event};
use crate::store::{orders, paid_orders};

/// What the warehouse of an order has to send.
pub(crate) fn to_send(order: &Order) -> NewFulfilmentOrder {
    let lines = order.lines.iter();
    NewFulfilmentOrder {
        order_id: order.id,
        warehouse_id: order.warehouse_id,
        lines: lines.map(|line| (line.product_id, line.quantity)).collect(),
    }
}

/// What the warehouse of a new order has to send.
pub(crate) fn to_send_of(order: &NewOrder) -> NewFulfilmentOrder {
    let lines = order.lines.iter();
    NewFulfilmentOrder {
        order_id: order.id,
        warehouse_id: order.warehouse_id,
        lines: lines.map(|line| (line.product_id, line.quantity)).collect(),
    }
}

/// Opens the fulfilment order of a locked order whose money has just been secured. Returns `false` if it has one.
pub(crate) async fn ensure_open(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
) -> Result<bool, DbError> {
    let opened = find_opened(connection, tenant, &[order_id]).await?;
    if opened.contains(&order_id) {
        return Ok(false);
    }
    let Some(order) = orders::find(connection, tenant, order_id).await? else {
        return Ok(false);
    };
    let to_send = to_send(&order);
    if to_send.lines.is_empty() {
        return Ok(false);
    }
    open_all(connection, tenant, now, &[to_send]).await?;
    Ok(true)
}

/// Like [`ensure_open`], for a locked order that was paid before, and notes it on the timeline: an earlier version of the
/// program made it `PAID`. If that was before oms recorded what is shipped, the fulfilment order is on hold, because its
/// goods have probably left.
pub(crate) async fn open_late(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    actor: &str,
) -> Result<bool, DbError> {
    if !ensure_open(connection, tenant, now, order_id).await? {
        return Ok(false);
    }
    let opened = find_fulfilment(connection, tenant, now, order_id).await?;
    let Some(order) = opened.fulfilment_orders.first() else {
        return Ok(false);
    };
    let is_old = paid_orders::was_paid_before_fulfilment(connection, tenant, order_id).await?;
    if is_old {
        let held = place_hold(connection, tenant, now, order.id, &of_old_order(), actor).await;
        held.map_err(|error| match error {
            FulfilmentError::Database(error) => error,
            _ => DbError::UnexpectedState("a fulfilment order that was just opened has no hold"),
        })?;
    }
    let number = order.number;
    let reason = match is_old {
        true => format!("fulfilment order {number} was opened on hold: {OLD_ORDER}"),
        false => format!("fulfilment order {number} was opened, which was missing"),
    };
    let fact = Fact {
        kind: "fulfilment_order.opened",
        data: Some(json!({
            "fulfilmentOrderId": order.id, "warehouseId": order.warehouse_id, "onHold": is_old,
        })),
    };
    let authorship = Authorship {
        actor,
        reason: &reason,
    };
    add_event(connection, tenant, now, order_id, &fact, authorship).await?;
    Ok(true)
}

/// Why the fulfilment order of an old order is on hold.
const OLD_ORDER: &str = "the order was paid before oms recorded what is shipped";

fn of_old_order() -> NewHold {
    NewHold {
        handle: HoldHandle::before_fulfilment(),
        reason: HoldReason::Unlisted,
        note: Note::parse(OLD_ORDER).ok(),
    }
}

/// Opens fulfilment orders of orders that have none.
pub(crate) async fn open_all(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    new: &[NewFulfilmentOrder],
) -> Result<(), DbError> {
    let (orders, lines) = open_fulfilment_orders(tenant, now, new);
    orders.run(connection).await?;
    lines.run(connection).await
}
