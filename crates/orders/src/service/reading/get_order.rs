//! Reads an order, in one batch with those that other requests read.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use oms_batching::{Answer, Batch, Work};
use oms_database::{boxed, send_together};
use oms_fulfilment::{Fulfilment, find_fulfilment_rows};
use oms_inventory::{RouteExplanation, explain_routes};
use oms_payments::{Attempt, Refund, find_payments_and_refunds};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::context::batches::Reads;
use crate::domain::dispute::Dispute;
use crate::domain::ledger::{Ledger, ledger};
use crate::domain::order::Order;
use crate::error::OrderError;
use crate::store::{disputes, orders};

/// An order with its payment, its refunds, and the explanation of its routing.
#[derive(Clone, Debug)]
pub struct OrderDetails {
    /// The order.
    pub order: Order,
    /// The latest attempt to collect its payment.
    pub payment: Option<Attempt>,
    /// When the order fails unless it is paid. Only while it is pending.
    pub expires_at: Option<DateTime<Utc>>,
    /// Its refunds, oldest first.
    pub refunds: Vec<Refund>,
    /// The disputes of its payment, newest first.
    pub disputes: Vec<Dispute>,
    /// Its fulfilment orders and shipments.
    pub fulfilment: Fulfilment,
    /// Its routing trace in words.
    pub explanation: RouteExplanation,
}

impl OrderDetails {
    /// What is owed, what is held, and the difference.
    pub fn ledger(&self) -> Ledger {
        let captured = self.payment.as_ref().and_then(|attempt| attempt.captured);
        ledger(&self.order, captured, &self.refunds)
    }
}

/// An order by its ID.
///
/// # Errors
/// `NotFound` if the tenant has no such order; otherwise if the database can't be reached.
#[boxed]
pub async fn get_order(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<OrderDetails, OrderError> {
    let work = Reads(context.clone());
    let reads = &context.batches.reads;
    let found = reads.submit(tenant, Arc::new(order_id), &work).await??;
    found.ok_or(OrderError::NotFound)
}

impl Work for Reads {
    type Key = TenantId;
    type Item = OrderId;
    type Output = Option<OrderDetails>;
    type Error = OrderError;
    type Blocker = Infallible;

    async fn run(
        &self,
        tenant: TenantId,
        batch: Batch<Self>,
    ) -> Result<Vec<Answer<Option<OrderDetails>, Infallible>>, OrderError> {
        let wanted: Vec<OrderId> = batch.items.iter().map(|id| **id).collect();
        let found = get_together(&self.0, tenant, wanted).await;
        let found = found.map_err(OrderError::of_reading)?;
        Ok(found.into_iter().map(Answer::Done).collect())
    }
}

async fn get_together(
    context: &OrderContext,
    tenant: TenantId,
    wanted: Vec<OrderId>,
) -> Result<Vec<Option<OrderDetails>>, OrderError> {
    let mut connection = context.database.acquire().await?;
    let orders = orders::find_by_ids(&mut connection, tenant, &wanted).await?;
    if orders.is_empty() {
        return Ok(vec![None; wanted.len()]);
    }
    let there: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
    let traces: Vec<_> = orders.iter().map(|order| &order.routing).collect();
    let explanations = explain_routes(&mut connection, tenant, &traces).await?;
    let money = find_payments_and_refunds(&mut connection, tenant, &there).await?;
    let (mut payments, mut refunds) = money;
    let rows = (
        disputes::rows_of_orders(tenant, &there),
        find_fulfilment_rows(tenant, context.now(), &there),
    );
    let (disputes, fulfilments) = send_together(&mut connection, rows).await?;
    let mut disputes = disputes::by_order(disputes)?;
    let mut fulfilments = fulfilments.complete(&mut connection, tenant).await?;
    drop(connection);
    let details = orders.into_iter().zip(explanations);
    let details = details.map(|(order, explanation)| {
        let id = order.id;
        let details = OrderDetails {
            expires_at: context.settings.expires_at(&order),
            order,
            payment: payments.remove(&id),
            refunds: refunds.remove(&id).unwrap_or_default(),
            disputes: disputes.remove(&id).unwrap_or_default(),
            fulfilment: fulfilments.remove(&id).unwrap_or_default(),
            explanation,
        };
        (id, details)
    });
    let found: HashMap<OrderId, OrderDetails> = details.collect();
    // Several requests may ask for the same order.
    Ok(wanted.iter().map(|id| found.get(id).cloned()).collect())
}
