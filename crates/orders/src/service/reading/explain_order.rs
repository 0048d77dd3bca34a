//! Explains what is going on with an order.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use oms_database::boxed;
use oms_inventory::find_warehouse_names;
use oms_payments::find_latest_change;
use oms_validation::{Money, OrderId, TenantId, WarehouseId};

use crate::context::OrderContext;
use crate::domain::dead_letter::DeadLetter;
use crate::domain::explanation::{Explanation, Facts, explain};
use crate::domain::finding::Finding;
use crate::domain::other_amount;
use crate::error::OrderError;
use crate::service::reading::get_order::{OrderDetails, get_order};
use crate::store::{clock, dead_letters, findings, reconciliations, retries};

/// An order, and what is going on with it.
#[derive(Debug)]
pub struct ExplainedOrder {
    /// The order with its payment, its refunds and its goods.
    pub details: OrderDetails,
    /// Its open dead letter.
    pub dead_letter: Option<DeadLetter>,
    /// Its open findings, newest first.
    pub findings: Vec<Finding>,
    /// Whether it is on the sweeper's work list, so that it can be tried now.
    pub is_waiting: bool,
    /// What is going on.
    pub explanation: Explanation,
}

impl ExplainedOrder {
    /// The amount that a cancellation of everything refunds, as far as it is known: what is held, or another amount than
    /// the order's total that the gateway took.
    pub fn refunded_if_cancelled(&self) -> Option<Money> {
        let reason = self.dead_letter.as_ref().map(|it| it.reason.as_str());
        let other = reason.and_then(other_amount::read).filter(|taken| {
            let payment = self.details.payment.as_ref();
            payment.is_some_and(|attempt| attempt.can_hold(*taken))
        });
        let held = self.details.ledger().held;
        other.or(Some(held)).filter(|it| it.amount_minor > 0)
    }
}

/// Explains what is going on with an order.
///
/// # Errors
/// `NotFound` if the tenant has no such order; otherwise if the database can't be reached.
#[boxed]
pub async fn explain_order(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<ExplainedOrder, OrderError> {
    let mut connection = context.database.acquire().await?;
    let waiting = reconciliations::find(&mut connection, tenant, order_id).await?;
    let last_try = retries::find_latest(&mut connection, tenant, order_id).await?;
    let dead_letter = dead_letters::find_newest_of_order(&mut connection, tenant, order_id).await?;
    let last_change = find_latest_change(&mut connection, tenant, order_id).await?;
    let findings = findings::find_open_of_order(&mut connection, tenant, order_id).await?;
    let now = clock::read(&mut connection, context.now()).await?;
    drop(connection);
    // Last, so that what is found about an order that is settled meanwhile does not count.
    let details = get_order(context, tenant, order_id).await?;
    let warehouses = names_of_others(context, tenant, &details).await?;
    let dead_letter =
        dead_letter.filter(|found| found.resolved.is_none() && details.order.status.is_unsettled());
    let facts = Facts {
        order: &details.order,
        now,
        ledger: details.ledger(),
        payment: details.payment.as_ref(),
        expires_at: details.expires_at,
        refunds: &details.refunds,
        disputes: &details.disputes,
        goods: &details.fulfilment,
        warehouses: &warehouses,
        waiting,
        last_try: last_try.as_ref(),
        max_tries: context.settings.sweep_max_tries,
        dead_letter: dead_letter.as_ref(),
        last_change: last_change.as_ref(),
        findings: &findings,
    };
    let (explanation, is_waiting) = (explain(&facts), waiting.is_some());
    Ok(ExplainedOrder {
        details,
        dead_letter,
        findings,
        is_waiting,
        explanation,
    })
}

/// The names of the warehouses that have something to send of an order, unless its routing names them: it was moved.
async fn names_of_others(
    context: &OrderContext,
    tenant: TenantId,
    details: &OrderDetails,
) -> Result<HashMap<WarehouseId, String>, OrderError> {
    let routed = details.order.routing.candidates.iter();
    let routed: BTreeSet<WarehouseId> = routed.map(|it| it.warehouse_id).collect();
    let goods = &details.fulfilment;
    let orders = goods.fulfilment_orders.iter();
    let orders = orders.filter(|order| order.is_open());
    let mut others: BTreeSet<WarehouseId> = orders.map(|order| order.warehouse_id).collect();
    others.retain(|id| !routed.contains(id));
    if others.is_empty() {
        return Ok(HashMap::new());
    }
    let mut connection = context.database.acquire().await?;
    Ok(find_warehouse_names(&mut connection, tenant, &others).await?)
}
