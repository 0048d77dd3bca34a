//! The reasons for which stock can't be shipped, released or moved on behalf of a holder. Their callers are other
//! contexts, which say what they mean to a client.

use oms_database::DbError;

use crate::domain::holding::Unreserved;

/// The unique index of the movements that a change may make only once.
const ONCE: &str = "stock_movements_once";

/// The stock was not changed. The caller must roll back its transaction.
#[derive(Debug, thiserror::Error)]
pub enum StockError {
    /// The database failed.
    #[error(transparent)]
    Database(DbError),
    /// The holder has reserved fewer units in the warehouse than it was to give up.
    #[error("the holder has not reserved these units: {0:?}")]
    NotReserved(Vec<Unreserved>),
    /// The change has made these movements before.
    #[error("the change was already made")]
    AlreadyMade,
    /// The change shipped nothing, so there is nothing to bring back.
    #[error("the change shipped nothing")]
    NotShipped,
}

impl From<DbError> for StockError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::UniqueViolation { constraint } if constraint == ONCE => Self::AlreadyMade,
            error => Self::Database(error),
        }
    }
}
