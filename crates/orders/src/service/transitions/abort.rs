//! Why a transaction was rolled back.

use oms_database::DbError;
use oms_payments::PaymentError;

use crate::error::OrderError;

/// Why a transaction was rolled back: for a reason that the use case deals with, or because it failed.
pub(crate) enum Abort<R = Lost, E = OrderError> {
    /// What it was to do is not to be done.
    Undo(R),
    /// It could not be carried out.
    Failed(E),
}

/// Somebody else was first: a compare-and-set met something else than it expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost;

impl<E> Abort<Lost, E> {
    /// Somebody else was first.
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

/// What a transaction has done; none when somebody else was first, and nothing was changed.
pub(crate) fn unless_lost<T, E>(done: Result<T, Abort<Lost, E>>) -> Result<Option<T>, E> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(Abort::Undo(Lost)) => Ok(None),
        Err(Abort::Failed(error)) => Err(error),
    }
}
