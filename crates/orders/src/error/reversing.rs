//! Why an order can't be cancelled or refunded.

use oms_errors::{Problem, invalid_field};
use oms_payments::{Reference, RefundFailure, RefundId};
use oms_validation::{Currency, Money, OrderId};

use super::{
    NOT_CANCELLABLE, NOT_REFUNDABLE, NOTHING_UNSHIPPED, OrderError, PARTLY_SHIPPED,
    PAYMENT_DISPUTED, REFUND_EXCEEDS_CAPTURED, REFUND_IN_PROGRESS, REFUND_REFUSED, RETRY_AFTER_S,
    about, family_of_order_error, location_of,
};
use crate::domain::status::OrderStatus;

/// Why an order can't be cancelled or refunded.
#[derive(Debug, thiserror::Error)]
pub enum ReversingError {
    /// An error that may stop any use case.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The order failed or was refunded, so there is nothing to cancel.
    #[error("an order that is {status} can't be cancelled")]
    NotCancellable {
        /// The order.
        order_id: OrderId,
        /// Its status.
        status: OrderStatus,
    },
    /// Some of it was shipped, so that it can't be cancelled as a whole.
    #[error("a part of order {order_id} was shipped")]
    PartlyShipped {
        /// The order.
        order_id: OrderId,
        /// Its status.
        status: OrderStatus,
    },
    /// Nothing of it is left to ship, so there is nothing to cancel.
    #[error("nothing of order {order_id} is left to ship")]
    NothingUnshipped {
        /// The order.
        order_id: OrderId,
        /// Its status.
        status: OrderStatus,
    },
    /// The order is not paid, or is being cancelled.
    #[error("an order that is {status} can't be refunded")]
    NotRefundable {
        /// The order.
        order_id: OrderId,
        /// Its status.
        status: OrderStatus,
    },
    /// A refund of the order is in progress.
    #[error("a refund of order {0} is in progress")]
    RefundInProgress(OrderId),
    /// The customer disputes the payment, and the request did not insist on a refund.
    #[error("the payment of order {order_id} is disputed: {dispute}")]
    PaymentDisputed {
        /// The order.
        order_id: OrderId,
        /// Its status.
        status: OrderStatus,
        /// The gateway's ID of the dispute.
        dispute: Reference,
    },
    /// The refund exceeds what is left.
    #[error("the refund exceeds the remaining payment")]
    RefundExceedsCaptured {
        /// What is left.
        available: Money,
    },
    /// The order was paid in another currency.
    #[error("the order was paid in {0}")]
    RefundCurrency(Currency),
    /// The bank or the gateway rejected the refund.
    #[error("refund {refund_id} of order {order_id} was rejected: {code}")]
    RefundRefused {
        /// The order.
        order_id: OrderId,
        /// Its status.
        status: OrderStatus,
        /// The refund.
        refund_id: RefundId,
        /// Why.
        code: RefundFailure,
    },
}

family_of_order_error!(ReversingError);

impl From<ReversingError> for Problem {
    fn from(error: ReversingError) -> Self {
        match error {
            ReversingError::Order(error) => error.into(),
            ReversingError::NotCancellable { order_id, status } => {
                about(&NOT_CANCELLABLE, order_id, status)
            }
            ReversingError::PartlyShipped { order_id, status } => {
                about(&PARTLY_SHIPPED, order_id, status)
            }
            ReversingError::NothingUnshipped { order_id, status } => {
                about(&NOTHING_UNSHIPPED, order_id, status)
            }
            ReversingError::NotRefundable { order_id, status } => {
                about(&NOT_REFUNDABLE, order_id, status)
            }
            ReversingError::RefundInProgress(order_id) => Self::of(&REFUND_IN_PROGRESS)
                .with_location(location_of(order_id))
                .with_retry_after_s(RETRY_AFTER_S)
                .with_extension("orderId", order_id.to_string()),
            ReversingError::PaymentDisputed {
                order_id,
                status,
                dispute,
            } => about(&PAYMENT_DISPUTED, order_id, status)
                .with_extension("disputeId", dispute.to_string()),
            ReversingError::RefundExceedsCaptured { available } => {
                Self::of(&REFUND_EXCEEDS_CAPTURED)
                    .with_extension("refundable", serde_json::json!(available))
                    .with_extension("availableMinor", available.amount_minor)
                    .with_extension("currency", available.currency.as_str())
            }
            ReversingError::RefundCurrency(currency) => invalid_field(
                "amount.currency",
                format!("must be {currency}, the currency of the payment"),
            ),
            ReversingError::RefundRefused {
                order_id,
                status,
                refund_id,
                code,
            } => about(&REFUND_REFUSED, order_id, status)
                .with_extension("refundId", refund_id.to_string())
                .with_extension("failureCode", code.as_str()),
        }
    }
}
