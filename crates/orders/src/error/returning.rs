//! Why a return can't be requested, decided or received.

use oms_errors::{Problem, invalid_field};
use oms_fulfilment::{FulfilmentError, ReturnRefusal};
use oms_inventory::{InventoryError, ReturnError};
use oms_validation::OrderId;

use super::{
    NOTHING_OWED, ORDER_ERASED, OrderError, ReversingError, WINDOW_CLOSED, family_of_order_error,
    location_of,
};
use crate::domain::return_terms::MAX_AUTHORISATION_DAYS;

/// Why a return can't be requested, decided or received.
#[derive(Debug, thiserror::Error)]
pub enum ReturningError {
    /// An error that may stop any use case.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The return, or what the order sent, does not allow it.
    #[error(transparent)]
    Fulfilment(FulfilmentError),
    /// The stock does not allow it.
    #[error(transparent)]
    Stock(InventoryError),
    /// The order's money does not allow it.
    #[error(transparent)]
    Money(ReversingError),
    /// The window of the units is over.
    #[error("line {line} has {open} units whose window is open")]
    WindowClosed {
        /// The line's number.
        line: i32,
        /// Units of it that may still be returned.
        open: i32,
    },
    /// The personal data of the order was erased, so that no text may be added.
    #[error("the personal data of order {0} was erased")]
    Erased(OrderId),
    /// A return would expire before now, or too late.
    #[error("a return expires within {MAX_AUTHORISATION_DAYS} days")]
    InvalidExpiry,
    /// The customer has been refunded everything that the return is credited.
    #[error("nothing of the return is left to refund")]
    NothingOwed,
}

family_of_order_error!(ReturningError);

impl From<FulfilmentError> for ReturningError {
    fn from(error: FulfilmentError) -> Self {
        match error {
            FulfilmentError::Database(error) => OrderError::from(error).into(),
            FulfilmentError::OutcomeUnknown(_) => OrderError::OutcomeUnknown.into(),
            error => Self::Fulfilment(error),
        }
    }
}

impl From<ReturnRefusal> for ReturningError {
    fn from(refusal: ReturnRefusal) -> Self {
        Self::Fulfilment(refusal.into())
    }
}

impl From<ReversingError> for ReturningError {
    fn from(error: ReversingError) -> Self {
        match error {
            ReversingError::Order(error) => error.into(),
            error => Self::Money(error),
        }
    }
}

impl From<ReturnError> for ReturningError {
    fn from(error: ReturnError) -> Self {
        match error {
            ReturnError::Refused(InventoryError::Database(error)) => OrderError::from(error).into(),
            ReturnError::Refused(error) => Self::Stock(error),
            // The receipt's ID is new.
            ReturnError::AlreadyMade => {
                let expectation = "a receipt moves stock once";
                OrderError::Database(oms_database::DbError::UnexpectedState(expectation)).into()
            }
        }
    }
}

impl From<ReturningError> for Problem {
    fn from(error: ReturningError) -> Self {
        match error {
            ReturningError::Order(error) => error.into(),
            ReturningError::Fulfilment(error) => error.into(),
            ReturningError::Stock(error) => error.into(),
            ReturningError::Money(error) => error.into(),
            ReturningError::WindowClosed { line, open } => Self::of(&WINDOW_CLOSED)
                .with_extension("line", line)
                .with_extension("returnable", open),
            ReturningError::Erased(order_id) => Self::of(&ORDER_ERASED)
                .with_location(location_of(order_id))
                .with_extension("orderId", order_id.to_string()),
            ReturningError::InvalidExpiry => invalid_field(
                "expiresAt",
                format!("must be after now, and within {MAX_AUTHORISATION_DAYS} days"),
            ),
            ReturningError::NothingOwed => Self::of(&NOTHING_OWED),
        }
    }
}
