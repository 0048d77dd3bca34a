//! The two ways to increment an order's version, each with its event in the same transaction: a change of the status,
//! and a note.

use std::collections::{BTreeMap, HashMap, HashSet};

use oms_database::{Connection, DbError, Statement};
use oms_validation::{OrderId, TenantId};
use serde_json::Value;

use crate::domain::authorship::Authorship;
use crate::domain::clock::Now;
use crate::domain::event::CHANGED;
use crate::domain::status::OrderStatus;
use crate::store::events::{self, Event};
use crate::store::orders::{self, Transition};

/// Compares and sets an order's status. Returns `false` if another request or worker has changed it first; the caller
/// must then change nothing else.
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

/// Like [`change_status`], for several orders, each with its own actor. The statement returns the changed orders, and
/// fails if there are fewer than `expected`.
pub(crate) fn change_statuses<'q>(
    tenant: TenantId,
    now: Now,
    changers: &[(OrderId, &'q str)],
    transition: &Transition<'_>,
    reason: &'q str,
    expected: Option<usize>,
) -> Statement<'q, HashSet<OrderId>> {
    let (from, to) = (transition.from, transition.to);
    assert!(
        from.may_become(to),
        "an order must not change from {from} to {to}"
    );
    orders::change_statuses(tenant, now, changers, transition, reason, expected)
}

/// Adds a note to an order's timeline and returns the order's status, which can't change until the transaction ends.
/// Returns `None` if the order does not exist.
pub(crate) async fn add_note(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    authorship: Authorship<'_>,
) -> Result<Option<OrderStatus>, DbError> {
    let what = Fact {
        kind: CHANGED,
        data: None,
    };
    add_event(connection, tenant, now, order_id, &what, authorship).await
}

/// What an event that does not change the status is about.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    /// Such as `shipment.shipped`.
    pub(crate) kind: &'static str,
    /// IDs, units and amounts; neither addresses nor tracking URLs.
    pub(crate) data: Option<Value>,
}

/// Adds an event that does not change the status to an order's timeline. Like [`add_note`] otherwise.
pub(crate) async fn add_event(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    fact: &Fact,
    authorship: Authorship<'_>,
) -> Result<Option<OrderStatus>, DbError> {
    let event = NewEvent {
        order_id,
        fact,
        actor: authorship.actor,
        reason: authorship.reason,
    };
    let statuses = add_events(connection, tenant, now, &[event]).await?;
    Ok(statuses.get(&order_id).copied())
}

/// An event to add to an order's timeline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewEvent<'a> {
    pub(crate) order_id: OrderId,
    pub(crate) fact: &'a Fact,
    pub(crate) actor: &'a str,
    pub(crate) reason: &'a str,
}

/// Adds events to the timelines of orders, in the given order, with two statements. Returns the statuses of the orders
/// that exist. If there are several, they must be locked.
pub(crate) async fn add_events(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    new: &[NewEvent<'_>],
) -> Result<HashMap<OrderId, OrderStatus>, DbError> {
    if new.is_empty() {
        return Ok(HashMap::new());
    }
    let mut counts: BTreeMap<OrderId, i32> = BTreeMap::new();
    for event in new {
        *counts.entry(event.order_id).or_default() += 1;
    }
    let counted = orders::raise_versions(connection, tenant, now, &counts).await?;
    let mut last: HashMap<OrderId, i32> = HashMap::new();
    let events = new.iter().filter_map(|event| {
        let (status, version) = *counted.get(&event.order_id)?;
        let first = version - counts.get(&event.order_id)?;
        let sequence = last.entry(event.order_id).or_insert(first);
        *sequence += 1;
        Some(Event {
            order_id: event.order_id,
            sequence: *sequence,
            status,
            kind: event.fact.kind,
            data: event.fact.data.as_ref(),
            actor: event.actor,
            reason: event.reason,
        })
    });
    let events: Vec<Event<'_>> = events.collect();
    events::insert(connection, tenant, now, &events).await?;
    let status = |(id, (status, _))| (id, status);
    Ok(counted.into_iter().map(status).collect())
}
