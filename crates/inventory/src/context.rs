//! What the use cases of administration work with.

use std::sync::Arc;

use oms_database::Database;

use crate::ports::AddressLocator;

/// The outside world of the use cases of administration. Those that join an order's transaction take its connection instead.
pub struct InventoryContext {
    pub(crate) database: Database,
    pub(crate) locator: Arc<dyn AddressLocator>,
}

impl InventoryContext {
    /// A context.
    pub fn new(database: Database, locator: Arc<dyn AddressLocator>) -> Self {
        Self { database, locator }
    }
}
