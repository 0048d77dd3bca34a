//! The two ways in which an order's version counts up, each with its event in the same transaction: a change of the
//! status, and a note that changes nothing.

use std::collections::HashSet;

use oms_database::{Connection, DbError, Statement};
use oms_validation::{OrderId, TenantId};

use crate::domain::authorship::Authorship;
use crate::domain::clock::Now;
use crate::domain::status::OrderStatus;
use crate::store::events::{self, Event};
use crate::store::orders::{self, Transition};

/// Compare-and-set of an order's status. False when somebody else was first: then change nothing else either.
pub(crate) async fn change_status(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    transition: &Transition<'_>,
    authorship: Authorship<'_>,
) -> Result<bool, DbError> {
    let (changers, reason) = ([(order_id, authorship.actor)], authorship.reason);
    let change = change_statuses(tenant, now, &changers, transition, reason, None);
    Ok(change.run(connection).await?.contains(&order_id))
}

/// The same with several orders, each in the name of its own actor. Returns those that were changed; fails if that are fewer
/// than `expected`.
pub(crate) fn change_statuses<'q>(
    tenant: TenantId,
    now: Now,
    changers: &[(OrderId, &'q str)],
    transition: &Transition<'_>,
    reason: &'q str,
    expected: Option<usize>,
) -> Statement<'q, HashSet<OrderId>> {
    let (from, to) = (transition.from, transition.to);
    assert!(from.may_become(to), "no order may go from {from} to {to}");
    orders::change_statuses(tenant, now, changers, transition, reason, expected)
}

/// Adds a note to an order's timeline and returns the status that it is in, which stays so until the transaction ends.
/// None when there is no such order.
pub(crate) async fn add_note(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    authorship: Authorship<'_>,
) -> Result<Option<OrderStatus>, DbError> {
    let counted = orders::count_up(connection, tenant, now, order_id).await?;
    let Some((status, sequence)) = counted else {
        return Ok(None);
    };
    let event = Event {
        sequence,
        from: Some(status),
        to: status,
        actor: authorship.actor,
        reason: authorship.reason,
    };
    events::insert(connection, tenant, now, order_id, &event).await?;
    Ok(Some(status))
}
