//! Reading an order, together with those that others read.

use std::collections::HashMap;
use std::sync::Arc;

use oms_inventory::{RouteExplanation, explain_routes};
use oms_payments::{Attempt, Refund, find_payments, find_refunds};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::order::Order;
use crate::error::OrderError;
use crate::store::orders;

/// An order with the state of its payment, its refunds, and why it comes from where it comes from.
#[derive(Clone, Debug)]
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
    context: &Arc<OrderContext>,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<OrderDetails, OrderError> {
    let shared = context.clone();
    let work = move |tenant, ids| get_together(shared.clone(), tenant, ids);
    let reads = &context.batches.reads;
    let found = reads.submit(tenant, Arc::new(order_id), work).await??;
    found.ok_or(OrderError::NotFound)
}

async fn get_together(
    context: Arc<OrderContext>,
    tenant: TenantId,
    ids: Vec<Arc<OrderId>>,
) -> Result<Vec<Option<OrderDetails>>, OrderError> {
    let wanted: Vec<OrderId> = ids.iter().map(|id| **id).collect();
    let mut connection = context.database.acquire().await?;
    let orders = orders::find_by_ids(&mut connection, tenant, &wanted).await?;
    if orders.is_empty() {
        return Ok(vec![None; wanted.len()]);
    }
    let there: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
    let traces: Vec<_> = orders.iter().map(|order| &order.routing).collect();
    let explanations = explain_routes(&mut connection, tenant, &traces).await?;
    let mut payments = find_payments(&mut connection, tenant, &there).await?;
    let mut refunds = find_refunds(&mut connection, tenant, &there).await?;
    drop(connection);
    let details = orders.into_iter().zip(explanations);
    let details = details.map(|(order, explanation)| {
        let id = order.id;
        let details = OrderDetails {
            order,
            payment: payments.remove(&id),
            refunds: refunds.remove(&id).unwrap_or_default(),
            explanation,
        };
        (id, details)
    });
    let found: HashMap<OrderId, OrderDetails> = details.collect();
    // One order may be asked for more than once.
    Ok(wanted.iter().map(|id| found.get(id).cloned()).collect())
}
