//! Compares charges that were just read with our books: finds their payments, and the status of their orders.

use std::collections::HashMap;

use oms_payments::{
    Attempt, AttemptId, AttemptState, ListedCharge, Reference, find_attempts_by_references,
    find_newest_attempt, find_refunded,
};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::behind::is_behind;
use crate::domain::suspicion::{Books, FoundOrder, Judgement, judge, named_order};
use crate::error::OrderError;
use crate::store::findings::with_failed_refunds;
use crate::store::paid_orders;

/// Whether our books were just brought up to date with the gateway's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BooksState {
    /// They may be out of date.
    AsTheyAre,
    /// They are up to date, so any remaining difference is a finding.
    Followed,
}

/// Judges charges against our books and returns one judgement for each, in the same order. Uses one statement each for
/// payments, refunds and orders.
pub(crate) async fn judge_charges(
    context: &OrderContext,
    tenant: TenantId,
    charges: &[ListedCharge],
    state: BooksState,
) -> Result<Vec<Judgement>, OrderError> {
    let gateway = context.gateway.name();
    let references: Vec<Reference> = charges
        .iter()
        .filter_map(|it| it.reference.clone())
        .collect();
    let mut connection = context.database.acquire().await?;
    let attempts =
        find_attempts_by_references(&mut connection, tenant, gateway, &references).await?;
    let attempt_ids: Vec<AttemptId> = attempts.iter().map(|attempt| attempt.id).collect();
    let given_back = find_refunded(&mut connection, tenant, &attempt_ids).await?;
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
    let failed = with_failed_refunds(&mut connection, tenant, &ids).await?;
    let judged = charges.iter().map(|charge| {
        let order = order_of(charge).and_then(|id| orders.get(&id)).copied();
        let attempt = attempt_of(charge);
        let given_back = |attempt: &Attempt| given_back.get(&attempt.id).copied().unwrap_or(0);
        match attempt {
            Some(attempt)
                if state == BooksState::AsTheyAre
                    && is_behind(charge, attempt, order, given_back(attempt)) =>
            {
                Judgement::Behind(Box::new(attempt.clone()))
            }
            // A refund that failed later has its own finding, and must not be refunded again without a request.
            Some(attempt)
                if has_ended(order)
                    && is_explained(charge, attempt, failed.contains(&attempt.order_id)) =>
            {
                Judgement::Fine
            }
            _ => judge(&books, charge, attempt, order),
        }
    });
    Ok(judged.collect())
}

/// Whether our books explain why a charge of a settled order shows money: a refund failed and the money is back, or a
/// dispute will decide who gets it.
fn is_explained(charge: &ListedCharge, attempt: &Attempt, has_failed: bool) -> bool {
    let is_with_us = attempt.state == AttemptState::Paid && has_failed;
    attempt.captured == Some(charge.captured) && (is_with_us || charge.disputed)
}

fn has_ended(order: Option<FoundOrder>) -> bool {
    order.is_some_and(|order| !order.status.holds_stock())
}
