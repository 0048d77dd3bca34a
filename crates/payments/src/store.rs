//! The tables of this context. All of its SQL is below here, and no other context's table is.

pub(crate) mod attempts;
pub(crate) mod gateway_calls;
pub(crate) mod gateway_events;
pub(crate) mod grants;
pub(crate) mod refunds;

/// A row that this program did not write.
fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> oms_database::DbError {
    oms_database::DbError::Other(diesel::result::Error::DeserializationError(Box::new(error)))
}
