//! The fulfilment orders and the shipments of an order.

use oms_database::transaction;
use oms_fulfilment::{Fulfilment, find_fulfilments};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::actor::OPENER;
use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::service::transitions::open_fulfilment::open_late;
use crate::store::orders;

/// The fulfilment orders and shipments of an order. A paid order without a fulfilment order, which an earlier version of the
/// program made `PAID`, gets it now.
///
/// # Errors
/// `NotFound` if the tenant has no such order, or the database's error.
pub async fn order_fulfilments(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Fulfilment, OrderError> {
    let (ids, now) = ([order_id], context.now());
    let mut connection = context.database.acquire().await?;
    let status = orders::find_status(&mut connection, tenant, order_id).await?;
    let status = status.ok_or(OrderError::NotFound)?;
    let mut found = find_fulfilments(&mut connection, tenant, now, &ids).await?;
    if found.is_empty() && status == OrderStatus::Paid {
        transaction(&mut connection, async |connection| {
            let paid = orders::lock_paid(connection, tenant, &ids).await?;
            open_late(connection, tenant, now, &paid, OPENER).await
        })
        .await?;
        found = find_fulfilments(&mut connection, tenant, now, &ids).await?;
    }
    Ok(found.remove(&order_id).unwrap_or_default())
}
