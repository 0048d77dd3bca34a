//! The timelines of orders as a source of the feed.

use async_trait::async_trait;
use oms_database::{Connection, DbError};
use oms_events::{EventFacts, EventKey, EventSource};
use oms_validation::TenantId;

use crate::store::events;

/// The timelines of orders.
#[derive(Clone, Copy, Debug, Default)]
pub struct OrderEvents;

#[async_trait]
impl EventSource for OrderEvents {
    async fn load(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        keys: &[EventKey],
    ) -> Result<Vec<EventFacts>, DbError> {
        let found = events::find_published(connection, tenant, keys).await?;
        Ok(found.into_iter().map(EventFacts::from).collect())
    }
}
