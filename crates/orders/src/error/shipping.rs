//! Why a fulfilment order or a shipment can't be changed.

use oms_errors::Problem;
use oms_fulfilment::{FulfilmentError, Refusal};
use oms_inventory::StockError;
use oms_validation::OrderId;

use super::{BUSY, OrderError, RETRY_AFTER_S, about, family_of_order_error};
use crate::domain::status::OrderStatus;

/// Why a fulfilment order or a shipment can't be changed.
#[derive(Debug, thiserror::Error)]
pub enum ShippingError {
    /// An error that may stop any use case.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The fulfilment order or the shipment does not allow it.
    #[error(transparent)]
    Fulfilment(FulfilmentError),
    /// The order is being cancelled, or all of its money is being refunded.
    #[error("order {order_id} is {status}")]
    Busy {
        /// The order.
        order_id: OrderId,
        /// Its status.
        status: OrderStatus,
    },
}

family_of_order_error!(ShippingError);

impl From<FulfilmentError> for ShippingError {
    fn from(error: FulfilmentError) -> Self {
        match error {
            FulfilmentError::Database(error) => OrderError::from(error).into(),
            FulfilmentError::OutcomeUnknown(_) => OrderError::OutcomeUnknown.into(),
            error => Self::Fulfilment(error),
        }
    }
}

impl From<Refusal> for ShippingError {
    fn from(refusal: Refusal) -> Self {
        Self::Fulfilment(refusal.into())
    }
}

impl From<StockError> for ShippingError {
    fn from(error: StockError) -> Self {
        match error {
            StockError::Database(error) => OrderError::from(error).into(),
            StockError::NotReserved(_) => Self::Fulfilment(FulfilmentError::NotReserved),
            // The status of the shipment, which is locked, says otherwise.
            StockError::AlreadyMade | StockError::NotShipped => {
                let expectation = "the movements of a shipment agree with its status";
                OrderError::Database(oms_database::DbError::UnexpectedState(expectation)).into()
            }
        }
    }
}

impl From<ShippingError> for Problem {
    fn from(error: ShippingError) -> Self {
        match error {
            ShippingError::Order(error) => error.into(),
            ShippingError::Fulfilment(error) => error.into(),
            ShippingError::Busy { order_id, status } => {
                about(&BUSY, order_id, status).with_retry_after_s(RETRY_AFTER_S)
            }
        }
    }
}
