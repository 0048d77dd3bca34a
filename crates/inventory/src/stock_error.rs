//! The reasons for which stock can't be shipped, released, moved or taken back. The callers are other contexts, which say
//! what they mean to a client. In each case the caller must roll back its transaction.

use oms_database::DbError;

use crate::Shortfall;
use crate::domain::holding::Unreserved;
use crate::domain::moving::Unavailable;
use crate::domain::stock_change::RefusedChange;
use crate::error::InventoryError;

/// The unique index of the movements that a change may make only once.
const ONCE: &str = "stock_movements_once";

/// Units of a holder were not shipped, brought back or released.
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
        match is_repeated(&error) {
            true => Self::AlreadyMade,
            false => Self::Database(error),
        }
    }
}

/// Reserved units were not moved to another warehouse.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The warehouses are the same, or a count is below 0 or above the limit of a stock level.
    #[error("the warehouses must differ, and a count must be within the limits of a stock level")]
    Invalid,
    /// The holder has reserved fewer units in the warehouse than were to leave it.
    #[error("the holder has not reserved these units: {0:?}")]
    NotReserved(Vec<Unreserved>),
    /// The destination is inactive or has fewer available units than were to move there.
    #[error("these units are not available there: {0:?}")]
    NotAvailable(Vec<Unavailable>),
    /// A count leaves fewer units than other holders have and than are in quarantine.
    #[error("there is not enough unreserved stock: {0:?}")]
    Insufficient(Vec<Shortfall>),
}

/// Returned units were not received.
#[derive(Debug, thiserror::Error)]
pub enum ReturnError {
    /// The change has received these products before.
    #[error("the change was already made")]
    AlreadyMade,
    /// The warehouse or a product is unknown, a level would exceed its limit, or the database failed.
    #[error(transparent)]
    Refused(InventoryError),
}

impl From<DbError> for ReturnError {
    fn from(error: DbError) -> Self {
        match is_repeated(&error) {
            true => Self::AlreadyMade,
            false => Self::Refused(error.into()),
        }
    }
}

impl From<RefusedChange> for ReturnError {
    fn from(refused: RefusedChange) -> Self {
        Self::Refused(refused.into())
    }
}

fn is_repeated(error: &DbError) -> bool {
    matches!(error, DbError::UniqueViolation { constraint } if constraint == ONCE)
}
