//! Refuses orders of a batch because of the unpaid orders or declined payments of their customer, credential or tenant.

use std::collections::HashMap;

use oms_database::{Connection, DbError, Statement};
use oms_validation::{OrderId, TenantId};

use super::draft::Draft;
use super::price::Priced;
use crate::context::OrderContext;
use crate::domain::bounds::{Exceeded, Standing, Unpaid};
use crate::domain::id::CustomerId;
use crate::service::placing::bounds::{declines_of_credential, unpaid_of_tenant};
use crate::store::placements::{Inserted, Standings};
use crate::store::standings;

/// The orders, by arrival index, that are refused before routing, based on cached state. Only customers that were
/// refused before are checked.
pub(super) async fn refused_early(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    open: &[Priced<'_>],
) -> Result<HashMap<usize, Exceeded>, DbError> {
    let bounds = context.settings.bounds;
    let mut standings = standings_of_refused(context, connection, tenant, open).await?;
    let mut unpaid = unpaid_of_tenant(context, connection, tenant, &all_of(open)).await?;
    let mut refused = HashMap::new();
    for priced in open.iter().filter(|priced| !priced.is_free()) {
        let (arrival, units) = (priced.arrival, priced.units());
        let actor = arrival.actor.as_str();
        let declined = declines_of_credential(context, connection, tenant, actor).await?;
        let standing = standings.get_mut(&arrival.customer_id);
        let deadline = context.settings.pending_payment_deadline;
        let admitted = bounds
            .check_credential_declines(&declined)
            .and_then(|()| match standing {
                Some(standing) => bounds.admit(standing, units, deadline),
                None => Ok(()),
            })
            .and_then(|()| bounds.admit_to_tenant(&mut unpaid, units));
        if let Err(exceeded) = admitted {
            refused.insert(priced.index, exceeded);
        }
    }
    for priced in open.iter().filter(|it| refused.contains_key(&it.index)) {
        standings.remove(&priced.arrival.customer_id);
    }
    for customer in standings.into_keys() {
        context.bounds.note_admitted(tenant, customer);
    }
    Ok(refused)
}

/// Returns the number of those of the orders that are to be paid, and of their units, counted as unpaid.
fn all_of(open: &[Priced<'_>]) -> Unpaid {
    let mut unpaid = Unpaid::default();
    for priced in open.iter().filter(|priced| !priced.is_free()) {
        unpaid.orders += 1;
        unpaid.units = unpaid.units.saturating_add(priced.units());
    }
    unpaid
}

async fn standings_of_refused(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    open: &[Priced<'_>],
) -> Result<HashMap<CustomerId, Standing>, DbError> {
    let bounds = context.settings.bounds;
    if !bounds.looks_at_customers() {
        return Ok(HashMap::new());
    }
    let customers = open.iter().filter(|priced| !priced.is_free());
    let customers = customers.map(|priced| priced.arrival.customer_id);
    let customers = context.bounds.refused_before(tenant, customers);
    if customers.is_empty() {
        return Ok(HashMap::new());
    }
    let (now, limit) = (context.now(), bounds.declines);
    standings::find_standings(connection, tenant, now, &customers, limit).await
}

/// Returns a statement that makes other transactions that place orders of the same customers wait until this one ends.
/// `None` if there is no limit on unpaid orders, or nothing is to be paid.
pub(super) fn lock_customers<'q>(
    context: &OrderContext,
    tenant: TenantId,
    drafts: &[Draft<'_>],
) -> Option<Statement<'q, usize>> {
    if !context.settings.bounds.counts_unpaid() {
        return None;
    }
    let unpaid = drafts.iter().filter(|draft| draft.attempt.is_some());
    let customers: Vec<CustomerId> = unpaid.map(|it| it.order.customer_id).collect();
    (!customers.is_empty()).then(|| standings::lock_customers(tenant, &customers))
}

/// Which standings of the customers are needed when their orders are inserted.
pub(super) fn standings(context: &OrderContext) -> Standings {
    let bounds = context.settings.bounds;
    match bounds.looks_at_customers() {
        true => Standings::Limited(bounds.declines),
        false => Standings::Ignored,
    }
}

/// The inserted orders that exceed their customer's limits. Orders are admitted in arrival order.
pub(super) fn refused_now(
    context: &OrderContext,
    tenant: TenantId,
    drafts: &[Draft<'_>],
    inserted: &HashMap<OrderId, Inserted>,
) -> HashMap<usize, Exceeded> {
    let settings = &context.settings;
    let mut refused = HashMap::new();
    if !settings.bounds.looks_at_customers() {
        return refused;
    }
    let mut standings: HashMap<CustomerId, Standing> = HashMap::new();
    for draft in drafts.iter().filter(|draft| draft.attempt.is_some()) {
        let customer = draft.order.customer_id;
        let found = inserted.get(&draft.order.id).map(|it| it.standing);
        let standing = standings
            .entry(customer)
            .or_insert_with(|| found.unwrap_or_default());
        let (units, deadline) = (draft.units(), settings.pending_payment_deadline);
        if let Err(exceeded) = settings.bounds.admit(standing, units, deadline) {
            context.bounds.note_refused(tenant, customer);
            refused.insert(draft.index, exceeded);
        }
    }
    refused
}
