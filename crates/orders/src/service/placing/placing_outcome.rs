//! The outcome under which a request to place an order is counted.

use oms_geocoding::GeocodeError;
use oms_payments::PaymentError;

use crate::domain::bounds::Bound;
use crate::domain::failure::Failure;
use crate::domain::placed_order::PlacedOrder;
use crate::domain::placing_outcome::PlacingOutcome;
use crate::error::{NotPaid, OrderError, PlacingError};

impl PlacingOutcome {
    /// The outcome of a request whose key was free.
    pub(crate) fn of_new(placed: &Result<PlacedOrder, PlacingError>) -> Self {
        match placed {
            Ok(PlacedOrder::Paid(_) | PlacedOrder::PaidBefore(_)) => Self::Paid,
            Ok(PlacedOrder::Pending(_) | PlacedOrder::PendingBefore(_)) => Self::Pending,
            Err(error) => Self::of_error(error),
        }
    }

    /// The outcome of a request whose key already stood for an order.
    pub(crate) fn of_replay(replayed: &Result<PlacedOrder, PlacingError>) -> Self {
        match replayed {
            Ok(_) | Err(PlacingError::NotPaid(_)) => Self::Replayed,
            Err(error) => Self::of_error(error),
        }
    }

    fn of_error(error: &PlacingError) -> Self {
        match error {
            PlacingError::Order(error) => Self::of_order_error(error),
            PlacingError::NotPaid(not_paid) => Self::of_not_paid(not_paid),
            PlacingError::InProgress(_) => Self::InProgress,
            PlacingError::NoSingleWarehouse => Self::NoWarehouse,
            PlacingError::UnknownProducts(_)
            | PlacingError::ProductsNotSold(_)
            | PlacingError::UnknownPriceList
            | PlacingError::PriceListCurrency(_)
            | PlacingError::CurrencyNotOffered(_)
            | PlacingError::PricesChanged(_)
            | PlacingError::TotalMismatch { .. }
            | PlacingError::DiscountTooLarge(_)
            | PlacingError::TaxTooLarge(_)
            | PlacingError::TotalTooLarge
            | PlacingError::NotPayable(_) => Self::NotSold,
            PlacingError::GatewayUnavailable => Self::GatewayUnavailable,
            PlacingError::Geocoding(GeocodeError::NotFound) => Self::AddressNotFound,
            PlacingError::Geocoding(GeocodeError::TooManyLookUps { .. }) => Self::TooManyLookUps,
            PlacingError::Geocoding(GeocodeError::Unavailable(_)) => Self::Unavailable,
            PlacingError::Exceeded(exceeded) => match exceeded.bound {
                Bound::CustomerDeclines | Bound::CredentialDeclines => Self::TooManyDeclines,
                Bound::CustomerOrders
                | Bound::CustomerUnits
                | Bound::OrderUnits
                | Bound::TenantOrders
                | Bound::TenantUnits => Self::TooManyUnpaid,
            },
        }
    }

    fn of_not_paid(not_paid: &NotPaid) -> Self {
        match not_paid {
            NotPaid::Failed { failure, .. } | NotPaid::Unpaid { failure, .. } => match failure {
                Failure::PaymentDeclined { .. } => Self::Declined,
                Failure::PaymentVoided | Failure::SettledElsewhere | Failure::Other(_) => {
                    Self::Voided
                }
                Failure::GatewayUnavailable => Self::GatewayUnavailable,
            },
            // Cancelled by another request while it was being paid.
            NotPaid::Cancelled { .. } => Self::Voided,
        }
    }

    fn of_order_error(error: &OrderError) -> Self {
        match error {
            OrderError::KeyReused => Self::KeyReused,
            OrderError::Contended => Self::OutOfStock,
            OrderError::Overloaded => Self::Overloaded,
            OrderError::Payment(PaymentError::Gateway(error)) if error.refusal().is_some() => {
                Self::GatewayRefused
            }
            OrderError::Payment(PaymentError::Gateway(_)) => Self::GatewayUnavailable,
            OrderError::Database(error) | OrderError::Payment(PaymentError::Database(error)) => {
                match error.is_transient() {
                    true => Self::Unavailable,
                    false => Self::Defect,
                }
            }
            OrderError::OutcomeUnknown => Self::OutcomeUnknown,
            // Placing an order does not look one up.
            OrderError::NotFound => Self::Defect,
        }
    }
}
