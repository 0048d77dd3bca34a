//! Reads a dead letter with the full record of its order.

use oms_database::{Connection, boxed};
use oms_fulfilment::{Fulfilment, find_fulfilments};
use oms_inventory::{RouteExplanation, explain_route};
use oms_payments::{Attempt, GatewayCall, Refund, list_attempts, list_calls, list_refunds};
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::dead_letter::DeadLetter;
use crate::domain::dispute::Dispute;
use crate::domain::event::OrderEvent;
use crate::domain::id::DeadLetterId;
use crate::domain::order::Order;
use crate::error::{DeadLetterError, OrderError};
use crate::store::{dead_letters, disputes, events, orders};

/// A dead letter, and the whole history of its order.
#[derive(Debug)]
pub struct DeadLetterDetails {
    /// The dead letter.
    pub dead_letter: DeadLetter,
    /// Its order.
    pub order: Order,
    /// Why its warehouse was chosen, in words.
    pub explanation: RouteExplanation,
    /// The history of the order, oldest first.
    pub timeline: Vec<OrderEvent>,
    /// The attempts to collect its payment, oldest first.
    pub attempts: Vec<Attempt>,
    /// The calls to the gateway about it, oldest first.
    pub calls: Vec<GatewayCall>,
    /// The refunds of its payment, oldest first.
    pub refunds: Vec<Refund>,
    /// The disputes of its payment, newest first.
    pub disputes: Vec<Dispute>,
    /// Its fulfilment orders and shipments.
    pub fulfilment: Fulfilment,
}

/// A dead letter by its ID.
///
/// # Errors
/// `NotFound` if the tenant has no such dead letter; otherwise if the database can't be reached.
#[boxed]
pub async fn get_dead_letter(
    context: &OrderContext,
    tenant: TenantId,
    id: DeadLetterId,
) -> Result<DeadLetterDetails, DeadLetterError> {
    let mut connection = context.database.acquire().await?;
    let dead_letter = dead_letters::find(&mut connection, tenant, id).await?;
    let dead_letter = dead_letter.ok_or(DeadLetterError::NotFound)?;
    let order_id = dead_letter.order_id;
    let order = orders::find(&mut connection, tenant, order_id).await?;
    let order = order.ok_or(OrderError::NotFound)?;
    let mut disputes = disputes::find_by_orders(&mut connection, tenant, &[order_id]).await?;
    let mut fulfilments =
        find_fulfilments(&mut connection, tenant, context.now(), &[order_id]).await?;
    Ok(DeadLetterDetails {
        fulfilment: fulfilments.remove(&order_id).unwrap_or_default(),
        disputes: disputes.remove(&order_id).unwrap_or_default(),
        dead_letter,
        explanation: explain_route(&mut connection, tenant, &order.routing).await?,
        order,
        timeline: events::find(&mut connection, tenant, order_id).await?,
        attempts: list_attempts(&mut connection, tenant, order_id).await?,
        calls: list_calls(&mut connection, tenant, order_id).await?,
        refunds: list_refunds(&mut connection, tenant, order_id).await?,
    })
}

/// An open dead letter, by its ID.
pub(crate) async fn get_open(
    connection: &mut Connection,
    tenant: TenantId,
    id: DeadLetterId,
) -> Result<DeadLetter, DeadLetterError> {
    let found = dead_letters::find(connection, tenant, id).await?;
    let dead_letter = found.ok_or(DeadLetterError::NotFound)?;
    match dead_letter.resolved {
        None => Ok(dead_letter),
        Some(_) => Err(DeadLetterError::Resolved),
    }
}
