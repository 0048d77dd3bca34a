//! The tables of this context. All of its SQL is here, and touches no other context's tables.

pub(crate) mod attempts;
pub(crate) mod gateway_calls;
pub(crate) mod gateway_events;
pub(crate) mod grants;
pub(crate) mod refunds;

/// The error for a row that this program can't have written.
fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> oms_database::DbError {
    oms_database::DbError::Other(diesel::result::Error::DeserializationError(Box::new(error)))
}
