//! Putting an order on the sweeper's list and taking it off. An order that has an open dead letter is not on the list:
//! whatever becomes of it closes that.

use std::time::Duration;

use oms_database::{Connection, DbError};
use oms_validation::{OrderId, TenantId};

use crate::domain::clock::Now;
use crate::store::dead_letters;
use crate::store::reconciliations::{self, Entry, Stock};

/// Leaves an order to the sweeper from `delay` on, whatever was planned with it before.
pub(crate) async fn put_on(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    delay: Duration,
    stock: Stock,
    actor: &str,
) -> Result<Entry, DbError> {
    take_off(connection, tenant, now, &[(order_id, actor)]).await?;
    reconciliations::insert(connection, tenant, now, order_id, delay, stock).await
}

/// Nobody has to look at these orders any more. Each comes with who sees to that.
pub(crate) async fn take_off(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    orders: &[(OrderId, &str)],
) -> Result<(), DbError> {
    let order_ids: Vec<OrderId> = orders.iter().map(|(id, _)| *id).collect();
    let taking = reconciliations::delete(tenant, &order_ids, None);
    let taken = taking.run(connection).await?;
    for (order_id, actor) in orders.iter().filter(|(id, _)| !taken.contains(id)) {
        dead_letters::close_of_order(connection, tenant, now, *order_id, actor).await?;
    }
    Ok(())
}
