//! The reasons for which stock can't be shipped, released or moved on behalf of a holder. Their callers are other
//! contexts, which say what they mean to a client.

use oms_database::DbError;

use crate::Shortfall;
use crate::domain::holding::Unreserved;
use crate::domain::moving::Unavailable;

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
    /// The destination is inactive or has fewer available units than were to move there.
    #[error("these units are not available there: {0:?}")]
    NotAvailable(Vec<Unavailable>),
    /// More units were to be removed than no holder has and than are not in quarantine.
    #[error("there is not enough unreserved stock: {0:?}")]
    Insufficient(Vec<Shortfall>),
    /// A move within one warehouse, or a count below 0 or above the limit of a level.
    #[error(
        "the warehouses of a move must differ, and a count must be within the limits of a level"
    )]
    InvalidMove,
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
