//! Puts orders on the sweeper's work list and takes them off. An order with an open dead letter is not on the list; a
//! step that puts it on the list or settles it closes the dead letter.

use std::time::Duration;

use oms_database::{Connection, DbError};
use oms_validation::{OrderId, TenantId};

use crate::domain::clock::Now;
use crate::store::dead_letters;
use crate::store::reconciliations::{self, Entry, Stock};

/// Schedules an order for the sweeper after `delay`, replacing its earlier schedule.
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

/// Takes orders off the list and closes their dead letters. Each order comes with the actor of the change.
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
