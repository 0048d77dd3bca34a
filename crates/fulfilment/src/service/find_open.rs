//! Finds orders with something left to send.

use std::collections::BTreeSet;

use oms_database::{Connection, DbError, Statement};
use oms_validation::{OrderId, TenantId};

use crate::domain::hold::HoldHandle;
use crate::domain::open_order::OpenOrder;
use crate::store::open_orders;

/// Returns up to `limit` orders that have an open fulfilment order, in ID order, after the given one.
///
/// # Errors
/// When the database fails.
pub async fn list_open_orders(
    connection: &mut Connection,
    tenant: TenantId,
    after: Option<OrderId>,
    limit: usize,
) -> Result<Vec<OpenOrder>, DbError> {
    open_orders::list(connection, tenant, after, limit).await
}

/// Returns those of the given orders that have an open fulfilment order without a hold of this name.
///
/// # Errors
/// When the database fails.
pub async fn find_open_orders(
    connection: &mut Connection,
    tenant: TenantId,
    order_ids: &[OrderId],
    except: &HoldHandle,
) -> Result<BTreeSet<OrderId>, DbError> {
    open_orders::find(connection, tenant, order_ids, except).await
}

/// Returns those of the given orders that have an open fulfilment order on hold.
pub fn find_held_orders<'q>(
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Statement<'q, BTreeSet<OrderId>> {
    open_orders::find_held(tenant, order_ids)
}
