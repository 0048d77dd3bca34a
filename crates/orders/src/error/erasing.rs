//! Why a customer can't be erased.

use oms_errors::Problem;

use super::{CUSTOMER_NOT_FOUND, OrderError, family_of_order_error};

/// Why a customer can't be erased.
#[derive(Debug, thiserror::Error)]
pub enum ErasingError {
    /// An error that may stop any use case.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The tenant has no orders of the customer and never erased any.
    #[error("there are no orders of this customer")]
    CustomerNotFound,
}

family_of_order_error!(ErasingError);

impl From<ErasingError> for Problem {
    fn from(error: ErasingError) -> Self {
        match error {
            ErasingError::Order(error) => error.into(),
            ErasingError::CustomerNotFound => Self::of(&CUSTOMER_NOT_FOUND),
        }
    }
}
