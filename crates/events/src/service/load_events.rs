//! Renders events from their keys.

use std::collections::HashMap;

use oms_database::{Connection, DbError};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::context::EventsContext;
use crate::domain::event::{Event, EventFacts};
use crate::domain::key::EventKey;
use crate::store::records;

/// Returns the events of those keys that exist. With two statements at most.
pub(super) async fn load_events(
    context: &EventsContext,
    connection: &mut Connection,
    tenant: TenantId,
    keys: &[EventKey],
) -> Result<HashMap<EventKey, Event>, DbError> {
    let (of_records, of_orders): (Vec<EventKey>, Vec<EventKey>) =
        keys.iter().partition(|key| key.is_record());
    let mut facts = Vec::new();
    if !of_records.is_empty() {
        facts = records::find(connection, tenant, &ids(&of_records), None).await?;
    }
    if !of_orders.is_empty() {
        facts.extend(context.source.load(connection, tenant, &of_orders).await?);
    }
    Ok(by_key(tenant, facts))
}

/// Returns the events of those keys that are records of the given types.
pub(super) async fn load_records(
    connection: &mut Connection,
    tenant: TenantId,
    keys: &[EventKey],
    types: &[&'static str],
) -> Result<HashMap<EventKey, Event>, DbError> {
    let of_records = keys.iter().copied().filter(|key| key.is_record());
    let of_records: Vec<EventKey> = of_records.collect();
    if of_records.is_empty() {
        return Ok(HashMap::new());
    }
    let facts = records::find(connection, tenant, &ids(&of_records), Some(types)).await?;
    Ok(by_key(tenant, facts))
}

fn ids(keys: &[EventKey]) -> Vec<Uuid> {
    keys.iter().map(|key| key.subject_id).collect()
}

fn by_key(tenant: TenantId, facts: Vec<EventFacts>) -> HashMap<EventKey, Event> {
    let event = |facts| {
        let event = Event::new(tenant, facts);
        (event.key(), event)
    };
    facts.into_iter().map(event).collect()
}
