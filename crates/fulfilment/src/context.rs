//! The dependencies of the use cases that are transactions of their own.

use oms_database::Database;

/// The dependencies of the use cases that read, and of those that change a shipment's parcels. Use cases that join an
/// order's transaction take its connection instead.
pub struct FulfilmentContext {
    pub(crate) database: Database,
}

impl FulfilmentContext {
    /// Creates a context.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}
