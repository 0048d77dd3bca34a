//! Where the facts of events come from.

use async_trait::async_trait;
use oms_database::{Connection, DbError};
use oms_validation::TenantId;

use crate::domain::event::EventFacts;
use crate::domain::key::EventKey;

/// The context with the timelines of orders.
#[async_trait]
pub trait EventSource: Send + Sync {
    /// Loads the facts of events of timelines, in any order. The facts of one key are the same each time. Keys that the
    /// tenant does not have are left out.
    ///
    /// # Errors
    /// If the database fails.
    async fn load(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        keys: &[EventKey],
    ) -> Result<Vec<EventFacts>, DbError>;
}
