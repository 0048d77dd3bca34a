//! Why a transaction that a compare-and-set is part of was rolled back.

use oms_database::DbError;
use oms_payments::PaymentError;

use crate::error::OrderError;

/// Why a transaction was rolled back.
pub(crate) enum Abort {
    /// Somebody else was first.
    Lost,
    /// It could not be carried out.
    Order(OrderError),
}

impl From<DbError> for Abort {
    fn from(error: DbError) -> Self {
        Self::Order(error.into())
    }
}

impl From<OrderError> for Abort {
    fn from(error: OrderError) -> Self {
        Self::Order(error)
    }
}

impl From<PaymentError> for Abort {
    fn from(error: PaymentError) -> Self {
        Self::Order(error.into())
    }
}

/// What a transaction has done; none when somebody else was first, and nothing was changed.
pub(crate) fn unless_lost<T>(done: Result<T, Abort>) -> Result<Option<T>, OrderError> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(Abort::Lost) => Ok(None),
        Err(Abort::Order(error)) => Err(error),
    }
}
