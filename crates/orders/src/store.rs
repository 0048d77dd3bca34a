//! The SQL of orders. Nothing outside this module names the schema.
//!
//! Times come from the clock of the context: every statement that stores or compares one takes it, and falls back to the
//! database's own.

pub(crate) mod alerts;
pub(crate) mod dead_letters;
pub(crate) mod disputes;
pub(crate) mod erasures;
pub(crate) mod events;
pub(crate) mod findings;
pub(crate) mod grants;
pub(crate) mod idempotency_keys;
pub(crate) mod lines;
pub(crate) mod order_erasure;
pub(crate) mod orders;
pub(crate) mod paid_orders;
pub(crate) mod placements;
pub(crate) mod reconciliation_progress;
pub(crate) mod reconciliations;
pub(crate) mod retries;
pub(crate) mod settlements;
pub(crate) mod standings;
pub(crate) mod tenants;

/// A row that our own CHECK constraints should not have let in.
fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> oms_database::DbError {
    oms_database::DbError::Other(diesel::result::Error::DeserializationError(error.into()))
}
