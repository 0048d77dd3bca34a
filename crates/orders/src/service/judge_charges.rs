//! Holds charges that were just read against our books: whose payments they are, and where the orders of these are.

use std::collections::HashMap;

use oms_payments::{
    Attempt, ListedCharge, Reference, find_attempts_by_references, find_newest_attempt,
};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::suspicion::{Books, FoundOrder, Judgement, judge, named_order};
use crate::error::OrderError;
use crate::store::paid_orders;

/// What each of these charges says against our books, in their order. One statement of payments and one of orders for all.
pub(crate) async fn judge_charges(
    context: &OrderContext,
    tenant: TenantId,
    charges: &[ListedCharge],
) -> Result<Vec<Judgement>, OrderError> {
    let gateway = context.gateway.name();
    let references: Vec<Reference> = charges
        .iter()
        .filter_map(|it| it.reference.clone())
        .collect();
    let mut connection = context.database.acquire().await?;
    let attempts =
        find_attempts_by_references(&mut connection, tenant, gateway, &references).await?;
    let attempts: HashMap<Reference, Attempt> = attempts
        .into_iter()
        .filter_map(|attempt| Some((attempt.reference.clone()?, attempt)))
        .collect();
    let attempt_of = |charge: &ListedCharge| attempts.get(charge.reference.as_ref()?);
    let ours = context.installation;
    let is_missing = |charge: &ListedCharge| {
        attempt_of(charge).is_none() && ours.is_some() && charge.installation_id == ours
    };
    let newest_attempt = match charges.iter().any(is_missing) {
        true => find_newest_attempt(&mut connection).await?,
        false => None,
    };
    let books = Books {
        tenant,
        installation: ours,
        newest_attempt,
    };
    let order_of = |charge: &ListedCharge| match attempt_of(charge) {
        Some(attempt) => Some(attempt.order_id),
        None => named_order(tenant, charge),
    };
    let ids: Vec<OrderId> = charges.iter().filter_map(order_of).collect();
    let orders = paid_orders::find_statuses(&mut connection, tenant, &ids).await?;
    let orders: HashMap<OrderId, FoundOrder> =
        orders.into_iter().map(|order| (order.id, order)).collect();
    let judged = charges.iter().map(|charge| {
        let order = order_of(charge).and_then(|id| orders.get(&id));
        judge(&books, charge, attempt_of(charge), order.copied())
    });
    Ok(judged.collect())
}
