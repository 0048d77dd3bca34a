//! Opens the fulfilment order of an order, in the commit in which its money is secured.

use oms_database::{Connection, DbError};
use oms_fulfilment::{NewFulfilmentOrder, find_opened, open_fulfilment_orders};
use oms_validation::{OrderId, TenantId};

use crate::domain::clock::Now;
use crate::domain::order::Order;
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

/// Opens the fulfilment order of a locked order whose money is secured, unless it has one. Orders that an earlier
/// version of the program made `PAID` have none.
pub(crate) async fn ensure_open(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
) -> Result<(), DbError> {
    let opened = find_opened(connection, tenant, &[order_id]).await?;
    if opened.contains(&order_id) {
        return Ok(());
    }
    let Some(order) = orders::find(connection, tenant, order_id).await? else {
        return Ok(());
    };
    open_all(connection, tenant, now, &[to_send(&order)]).await
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
