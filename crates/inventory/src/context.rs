//! The dependencies of the administration use cases.

use std::sync::Arc;

use oms_database::Database;

use crate::ports::AddressLocator;

/// The dependencies of the administration use cases. Use cases that join an order's transaction take its connection
/// instead.
pub struct InventoryContext {
    pub(crate) database: Database,
    pub(crate) locator: Arc<dyn AddressLocator>,
}

impl InventoryContext {
    /// Creates a context.
    pub fn new(database: Database, locator: Arc<dyn AddressLocator>) -> Self {
        Self { database, locator }
    }
}
