//! Locks the order of a return, which everything that changes the return locks first.

use oms_database::Connection;
use oms_fulfilment::{FulfilmentError, Return, ReturnId, find_returns};
use oms_validation::{OrderId, TenantId};

use crate::domain::order::Order;
use crate::error::{OrderError, ReturningError};
use crate::store::orders;

/// A return as it is.
pub(crate) async fn return_of(
    connection: &mut Connection,
    tenant: TenantId,
    id: ReturnId,
) -> Result<Return, ReturningError> {
    let found = find_returns(connection, tenant, &[id]).await?;
    let found = found.into_iter().next();
    Ok(found.ok_or(FulfilmentError::ReturnNotFound)?)
}

/// Locks an order until the transaction ends, and returns it.
pub(crate) async fn lock_order(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Order, ReturningError> {
    orders::lock_status(connection, tenant, order_id).await?;
    let order = orders::find(connection, tenant, order_id).await?;
    Ok(order.ok_or(OrderError::NotFound)?)
}

/// Refuses a text about an order whose personal data was erased: it would never be erased.
pub(crate) fn refuse_text(order: &Order, has_text: bool) -> Result<(), ReturningError> {
    match order.erased_at {
        Some(_) if has_text => Err(ReturningError::Erased(order.id)),
        _ => Ok(()),
    }
}
