//! The fulfilment orders and the shipments of an order.

use oms_fulfilment::{Fulfilment, find_fulfilment};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::actor::OPENER;
use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::service::transitions::open_fulfilment::open_late;
use crate::service::transitions::patience::Patience;
use crate::store::orders;

/// The fulfilment orders and shipments of an order. A paid order without a fulfilment order, which an earlier version of the
/// program made `PAID`, gets it now.
///
/// # Errors
/// `NotFound` if the tenant has no such order, `Contended`, or the database's error.
pub async fn order_fulfilments(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Fulfilment, OrderError> {
    let mut connection = context.database.acquire().await?;
    let status = orders::find_status(&mut connection, tenant, order_id).await?;
    let status = status.ok_or(OrderError::NotFound)?;
    let found = find_fulfilment(&mut connection, tenant, context.now(), order_id).await?;
    drop(connection);
    match found.fulfilment_orders.is_empty() && status == OrderStatus::Paid {
        true => open_and_find(context, tenant, order_id).await,
        false => Ok(found),
    }
}

/// Opens the fulfilment order of an order that is still paid and has none.
async fn open_and_find(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Fulfilment, OrderError> {
    let mut patience = Patience::new(context, tenant, order_id.as_uuid());
    loop {
        let tried = patience.attempt(async |connection| {
            let now = context.now();
            if orders::lock_status(connection, tenant, order_id).await? == Some(OrderStatus::Paid) {
                open_late(connection, tenant, now, &[order_id], OPENER).await?;
            }
            Ok::<_, OrderError>(find_fulfilment(connection, tenant, now, order_id).await?)
        });
        if let Some(found) = tried.await {
            return found;
        }
    }
}
