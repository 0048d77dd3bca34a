//! Reads one event.

use oms_validation::TenantId;

use crate::context::EventsContext;
use crate::domain::event::Event;
use crate::domain::key::EventKey;
use crate::error::EventsError;
use crate::service::load_events::load_events;

/// Returns an event.
///
/// # Errors
/// `NotFound` if the tenant has no such event or it is no longer kept, or the database's error.
pub async fn get_event(
    context: &EventsContext,
    tenant: TenantId,
    key: EventKey,
) -> Result<Event, EventsError> {
    let connection = &mut *context.database.acquire().await?;
    let mut found = load_events(context, connection, tenant, &[key]).await?;
    found.remove(&key).ok_or(EventsError::NotFound)
}
