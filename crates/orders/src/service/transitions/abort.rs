//! Why a transaction was rolled back.

use oms_database::DbError;
use oms_payments::PaymentError;

use crate::error::OrderError;

/// Why a transaction was rolled back. `R` is a reason that the use case handles, and `E` an error.
pub(crate) enum Abort<R = Lost, E = OrderError> {
    /// The use case undoes its changes.
    Undo(R),
    /// A statement or a check failed.
    Failed(E),
}

/// A compare-and-set found that another request or worker was first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost;

impl<E> Abort<Lost, E> {
    /// Another request or worker was first.
    pub(crate) const LOST: Self = Self::Undo(Lost);
}

impl<R, E: From<DbError>> From<DbError> for Abort<R, E> {
    fn from(error: DbError) -> Self {
        Self::Failed(error.into())
    }
}

impl<R, E: From<OrderError>> From<OrderError> for Abort<R, E> {
    fn from(error: OrderError) -> Self {
        Self::Failed(error.into())
    }
}

impl<R, E: From<PaymentError>> From<PaymentError> for Abort<R, E> {
    fn from(error: PaymentError) -> Self {
        Self::Failed(error.into())
    }
}

/// Returns the result of a transaction, or `None` if another request or worker was first and nothing was changed.
pub(crate) fn unless_lost<T, E>(done: Result<T, Abort<Lost, E>>) -> Result<Option<T>, E> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(Abort::Undo(Lost)) => Ok(None),
        Err(Abort::Failed(error)) => Err(error),
    }
}
