//! Opens fulfilment orders, in the transaction in which an order's money is secured.

use std::collections::BTreeSet;

use oms_database::{Connection, DbError, Statement};
use oms_validation::{OrderId, TenantId};

use crate::domain::fulfilment_order::NewFulfilmentOrder;
use crate::domain::id::FulfilmentOrderId;
use crate::store::{Now, fulfilment_orders, lines};

/// Returns two statements that open fulfilment orders, to be sent in this order. No order may have one already. They
/// may be sent together with the BEGIN of their transaction.
pub fn open_fulfilment_orders<'q>(
    tenant: TenantId,
    now: Now,
    new: &[NewFulfilmentOrder],
) -> (Statement<'q, ()>, Statement<'q, ()>) {
    let ids: Vec<_> = new.iter().map(|_| FulfilmentOrderId::generate()).collect();
    (
        fulfilment_orders::insert(tenant, now, &ids, new),
        lines::insert(tenant, &ids, new),
    )
}

/// Returns those of the given orders that have a fulfilment order.
///
/// # Errors
/// When the database fails.
pub async fn find_opened(
    connection: &mut Connection,
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Result<BTreeSet<OrderId>, DbError> {
    fulfilment_orders::find_opened(connection, tenant, order_ids).await
}
