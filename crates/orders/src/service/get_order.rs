//! Reading an order.

use oms_payments::{Attempt, find_payment};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::order::Order;
use crate::error::OrderError;
use crate::store::orders;

/// An order with the state of its payment.
#[derive(Debug)]
pub struct OrderDetails {
    /// The order.
    pub order: Order,
    /// The latest attempt to collect its payment.
    pub payment: Option<Attempt>,
}

/// An order by its id.
///
/// # Errors
/// `NotFound` when there is none in this store; else when the database can't be asked.
pub async fn get_order(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<OrderDetails, OrderError> {
    let mut connection = context.database.acquire().await?;
    let order = orders::find(&mut connection, tenant, order_id).await?;
    let order = order.ok_or(OrderError::NotFound)?;
    let payment = find_payment(&mut connection, tenant, order_id).await?;
    Ok(OrderDetails { order, payment })
}
