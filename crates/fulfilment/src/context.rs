//! The dependencies of the use cases that are transactions of their own.

use std::time::Duration;

use oms_database::{Database, LockQueues};

/// The dependencies of the use cases that read, and of those that change a shipment's parcels. Use cases that join an
/// order's transaction take its connection instead.
pub struct FulfilmentContext {
    pub(crate) database: Database,
    pub(crate) locks: LockQueues,
}

impl FulfilmentContext {
    /// Creates a context. A change waits up to `lock_wait` for locked rows, without a connection.
    pub fn new(database: Database, lock_wait: Duration) -> Self {
        Self {
            locks: LockQueues::new(database.clone(), lock_wait),
            database,
        }
    }
}
