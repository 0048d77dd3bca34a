//! The SQL of orders. Nothing outside this module names the schema.
//!
//! Every statement that stores or compares a time takes it from the context's clock, and falls back to the database's
//! own clock.

pub(crate) mod adjustments;
pub(crate) mod clock;
pub(crate) mod credits;
pub(crate) mod dead_letters;
pub(crate) mod destinations;
pub(crate) mod disputes;
pub(crate) mod erasures;
pub(crate) mod events;
pub(crate) mod findings;
pub(crate) mod grants;
pub(crate) mod idempotency_keys;
pub(crate) mod lines;
pub(crate) mod needs;
pub(crate) mod order_erasure;
pub(crate) mod orders;
pub(crate) mod paid_orders;
pub(crate) mod placements;
pub(crate) mod reconciliation_progress;
pub(crate) mod reconciliations;
pub(crate) mod records;
pub(crate) mod retries;
pub(crate) mod return_credits;
pub(crate) mod settings;
pub(crate) mod settlements;
pub(crate) mod standings;
pub(crate) mod tenants;

/// Wraps the error of a row that the table's CHECK constraints should have rejected.
pub(crate) fn unreadable(
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> oms_database::DbError {
    oms_database::DbError::Other(diesel::result::Error::DeserializationError(error.into()))
}
