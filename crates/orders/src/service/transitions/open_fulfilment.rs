//! Opens the fulfilment order of an order, in the commit in which its money is secured.

use oms_database::{Connection, DbError};
use oms_fulfilment::{
    Fulfilment, NewFulfilmentOrder, find_fulfilments, find_opened, open_fulfilment_orders,
};
use oms_validation::{OrderId, TenantId};

use crate::domain::actor::SWEEPER;
use crate::domain::clock::Now;
use crate::domain::order::{NewOrder, Order};
use crate::service::transitions::happenings::write_happenings;
use crate::store::orders;

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

/// Opens the fulfilment order of a locked order whose money is secured, unless it has one. Returns `false` if it has.
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
    open_all(connection, tenant, now, &[to_send(&order)]).await?;
    Ok(true)
}

/// Opens the fulfilment order of a locked order that an earlier version of the program made `PAID`, unless it has one,
/// and writes that to its timeline. For other orders it follows from `PAID`, in whose commit it was opened.
pub(crate) async fn open_belatedly(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
) -> Result<(), DbError> {
    if !ensure_open(connection, tenant, now, order_id).await? {
        return Ok(());
    }
    let found = find_fulfilments(connection, tenant, now, &[order_id]).await?;
    let Some(opened) = found.get(&order_id) else {
        return Ok(());
    };
    let happened = opened.happened_since(&Fulfilment::default());
    write_happenings(connection, tenant, now, order_id, &happened, SWEEPER).await
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
