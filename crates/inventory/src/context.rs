//! The dependencies of the administration use cases.

use std::sync::Arc;
use std::time::Duration;

use oms_database::{Connection, Database, LockQueues, LockRequest};
use oms_validation::TenantId;
use uuid::Uuid;

use crate::error::InventoryError;
use crate::ports::AddressLocator;

/// The dependencies of the administration use cases. Use cases that join an order's transaction take its connection
/// instead.
pub struct InventoryContext {
    pub(crate) database: Database,
    locks: LockQueues,
    pub(crate) locator: Arc<dyn AddressLocator>,
}

impl InventoryContext {
    /// Creates a context. A change waits up to `lock_wait` for locked rows.
    pub fn new(database: Database, locator: Arc<dyn AddressLocator>, lock_wait: Duration) -> Self {
        Self {
            locks: LockQueues::new(database.clone(), lock_wait),
            database,
            locator,
        }
    }

    /// Prepares a change that locks the object with this ID, or what it leads to. While that is locked, for example by an
    /// import, the change occupies no connection.
    pub(crate) fn change(&self, tenant: TenantId, id: Uuid) -> Change<'_> {
        Change(self.locks.request(tenant.as_uuid(), id))
    }
}

/// A change whose rows may be locked.
pub(crate) struct Change<'a>(LockRequest<'a>);

impl Change<'_> {
    /// Runs the transaction of the change. Returns `None` if its rows are locked: nothing was done, and the caller must
    /// call again. The pause between tries is included.
    ///
    /// # Errors
    /// Those of `work` and of the database; `LockTimeout` if the rows stay locked for too long.
    pub(crate) async fn attempt<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Connection) -> Result<T, InventoryError>,
    ) -> Option<Result<T, InventoryError>> {
        self.0.attempt(InventoryError::is_contended, work).await
    }
}
