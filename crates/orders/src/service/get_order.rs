//! Reading an order.

use oms_inventory::{RouteExplanation, explain_route};
use oms_payments::{Attempt, Refund, find_payment, list_refunds};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::order::Order;
use crate::error::OrderError;
use crate::store::orders;

/// An order with the state of its payment, its refunds, and why it comes from where it comes from.
#[derive(Debug)]
pub struct OrderDetails {
    /// The order.
    pub order: Order,
    /// The latest attempt to collect its payment.
    pub payment: Option<Attempt>,
    /// What was given back of it, or is to be, the first one first.
    pub refunds: Vec<Refund>,
    /// Its routing trace in words.
    pub explanation: RouteExplanation,
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
        explanation: explain_route(&mut connection, tenant, &order.routing).await?,
        order,
        payment: find_payment(&mut connection, tenant, order_id).await?,
        refunds: list_refunds(&mut connection, tenant, order_id).await?,
    })
}
