//! Renders events from their keys.

use std::collections::HashMap;

use oms_database::{Connection, DbError};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::context::EventsContext;
use crate::domain::event::Event;
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
        let ids: Vec<Uuid> = of_records.iter().map(|key| key.subject_id).collect();
        facts = records::find(connection, tenant, &ids).await?;
    }
    if !of_orders.is_empty() {
        facts.extend(context.source.load(connection, tenant, &of_orders).await?);
    }
    let event = |facts| {
        let event = Event::new(tenant, facts);
        (event.key(), event)
    };
    Ok(facts.into_iter().map(event).collect())
}
