//! Reading an order.

use oms_payments::{Attempt, Refund, find_payment, list_refunds};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::order::Order;
use crate::error::OrderError;
use crate::store::orders;

/// An order with the state of its payment, and its refunds.
#[derive(Debug)]
pub struct OrderDetails {
    /// The order.
    pub order: Order,
    /// The latest attempt to collect its payment.
    pub payment: Option<Attempt>,
    /// What was given back of it, or is to be, the first one first.
    pub refunds: Vec<Refund>,
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
    Ok(OrderDetails {
        order,
        payment: find_payment(&mut connection, tenant, order_id).await?,
        refunds: list_refunds(&mut connection, tenant, order_id).await?,
    })
}
