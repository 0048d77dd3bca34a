//! What a request to place an order counts as.

use oms_geocoding::GeocodeError;
use oms_payments::PaymentError;

use crate::domain::bounds::Bound;
use crate::domain::failure::Failure;
use crate::domain::placed_order::PlacedOrder;
use crate::domain::placing_outcome::PlacingOutcome;
use crate::error::OrderError;

impl PlacingOutcome {
    /// Of a request whose key stood for no order.
    pub(crate) fn of_new(placed: &Result<PlacedOrder, OrderError>) -> Self {
        match placed {
            Ok(PlacedOrder::Paid(_) | PlacedOrder::PaidBefore(_)) => Self::Paid,
            Ok(PlacedOrder::Pending(_) | PlacedOrder::PendingBefore(_)) => Self::Pending,
            Err(error) => Self::of_error(error),
        }
    }

    /// Of a request whose key stood for an order.
    pub(crate) fn of_replay(replayed: &Result<PlacedOrder, OrderError>) -> Self {
        match replayed {
            Ok(_)
            | Err(
                OrderError::Failed { .. }
                | OrderError::Unpaid { .. }
                | OrderError::Cancelled { .. },
            ) => Self::Replayed,
            Err(error) => Self::of_error(error),
        }
    }

    fn of_error(error: &OrderError) -> Self {
        match error {
            OrderError::Failed { failure, .. } | OrderError::Unpaid { failure, .. } => {
                match failure {
                    Failure::PaymentDeclined { .. } => Self::Declined,
                    Failure::PaymentVoided | Failure::SettledElsewhere | Failure::Other(_) => {
                        Self::Voided
                    }
                    Failure::GatewayUnavailable => Self::GatewayUnavailable,
                }
            }
            // Cancelled by somebody else while it was being paid.
            OrderError::Cancelled { .. } => Self::Voided,
            OrderError::InProgress(_) => Self::InProgress,
            OrderError::KeyReused => Self::KeyReused,
            OrderError::NoSingleWarehouse => Self::NoWarehouse,
            OrderError::Contended => Self::OutOfStock,
            OrderError::UnknownProducts(_)
            | OrderError::ProductsNotSold(_)
            | OrderError::TotalTooLarge
            | OrderError::NotPayable(_) => Self::NotSold,
            OrderError::Overloaded => Self::Overloaded,
            OrderError::Payment(PaymentError::Gateway(error)) if error.refusal().is_some() => {
                Self::GatewayRefused
            }
            OrderError::GatewayUnavailable | OrderError::Payment(PaymentError::Gateway(_)) => {
                Self::GatewayUnavailable
            }
            OrderError::Geocoding(GeocodeError::NotFound) => Self::AddressNotFound,
            OrderError::Geocoding(GeocodeError::TooManyLookUps { .. }) => Self::TooManyLookUps,
            OrderError::Geocoding(GeocodeError::Unavailable(_)) => Self::Unavailable,
            OrderError::Exceeded(exceeded) => match exceeded.bound {
                Bound::CustomerDeclines | Bound::CredentialDeclines => Self::TooManyDeclines,
                Bound::CustomerOrders
                | Bound::CustomerUnits
                | Bound::OrderUnits
                | Bound::TenantOrders
                | Bound::TenantUnits => Self::TooManyUnpaid,
            },
            OrderError::Database(error) | OrderError::Payment(PaymentError::Database(error)) => {
                match error.is_transient() {
                    true => Self::Unavailable,
                    false => Self::Defect,
                }
            }
            OrderError::OutcomeUnknown => Self::OutcomeUnknown,
            OrderError::NotFound
            | OrderError::PaymentClosed { .. }
            | OrderError::PaymentExpired(_)
            | OrderError::PaymentInProgress(_)
            | OrderError::TooManyPayments(_)
            | OrderError::NotCancellable { .. }
            | OrderError::NotRefundable { .. }
            | OrderError::PaymentDisputed { .. }
            | OrderError::RefundInProgress(_)
            | OrderError::RefundExceedsCaptured { .. }
            | OrderError::RefundCurrency(_)
            | OrderError::RefundRefused { .. }
            | OrderError::DeadLetterNotFound
            | OrderError::DeadLetterResolved
            | OrderError::NotResolvable(_)
            | OrderError::NotUnsettled { .. }
            | OrderError::ConfirmationRequired(_)
            | OrderError::RefundWasMade
            | OrderError::NotProvenPaid
            | OrderError::NotProvenFailed
            | OrderError::PaymentWasTaken
            | OrderError::FindingNotFound
            | OrderError::FindingResolved
            | OrderError::CustomerNotFound
            | OrderError::InvalidWindow(_) => Self::Defect,
        }
    }
}
