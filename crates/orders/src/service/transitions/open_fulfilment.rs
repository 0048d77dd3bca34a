//! Opens the fulfilment order of an order, in the commit in which its money is secured.

use oms_database::{Connection, DbError};
use oms_fulfilment::{
    HoldHandle, HoldReason, NewFulfilmentOrder, NewHold, Note, find_fulfilments, find_opened,
    hold_opened, open_fulfilment_orders,
};
use oms_validation::{OrderId, TenantId};
use serde_json::json;

use crate::domain::clock::Now;
use crate::domain::order::{NewOrder, Order};
use crate::service::transitions::change_status::add_events;
use crate::service::transitions::happenings::Told;
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

/// Opens the fulfilment orders of locked orders that were paid before, and notes it on their timelines: an earlier version
/// of the program made them `PAID`. If that was before oms recorded what is shipped, the fulfilment order is on hold,
/// because its goods have probably left. Returns how many were opened; other orders have one.
pub(crate) async fn open_late(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_ids: &[OrderId],
    actor: &str,
) -> Result<u64, DbError> {
    let opened = find_opened(connection, tenant, order_ids).await?;
    let missing = order_ids.iter().filter(|id| !opened.contains(id));
    let missing: Vec<OrderId> = missing.copied().collect();
    if missing.is_empty() {
        return Ok(0);
    }
    let orders = orders::find_by_ids(connection, tenant, &missing).await?;
    let new = orders.iter().map(to_send);
    let new: Vec<_> = new.filter(|it| !it.lines.is_empty()).collect();
    if new.is_empty() {
        return Ok(0);
    }
    open_all(connection, tenant, now, &new).await?;
    let ids: Vec<OrderId> = new.iter().map(|it| it.order_id).collect();
    let old = paid_orders::paid_before_fulfilment(connection, tenant, &ids).await?;
    let found = find_fulfilments(connection, tenant, now, &ids).await?;
    let opened = found.iter().filter_map(|(order_id, found)| {
        let order = found.fulfilment_orders.first()?;
        Some((*order_id, order, old.contains(order_id)))
    });
    let opened: Vec<_> = opened.collect();
    let held = opened.iter().filter(|(_, _, is_old)| *is_old);
    let held: Vec<_> = held.map(|(_, order, _)| order.id).collect();
    if !held.is_empty() {
        hold_opened(connection, tenant, now, &held, &of_old_order(), actor).await?;
    }
    let told = opened.iter().map(|(order_id, order, is_old)| {
        let number = order.number;
        let reason = match is_old {
            true => format!("fulfilment order {number} was opened on hold: {OLD_ORDER}"),
            false => format!("fulfilment order {number} was opened, which was missing"),
        };
        let data = json!({
            "fulfilmentOrderId": order.id, "warehouseId": order.warehouse_id, "onHold": is_old,
        });
        (
            *order_id,
            Told::new("fulfilment_order.opened", data, reason),
        )
    });
    let told: Vec<(OrderId, Told)> = told.collect();
    let events = told.iter().map(|(id, told)| told.of_order(*id, actor));
    let events: Vec<_> = events.collect();
    add_events(connection, tenant, now, &events).await?;
    Ok(events.len() as u64)
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
