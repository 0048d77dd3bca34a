//! Why an order can't be cancelled or refunded.

use oms_errors::{FieldError, Problem, invalid_field};
use oms_payments::{AMOUNT_NOT_ACCEPTED, AmountRefusal, Reference, RefundFailure, RefundId};
use oms_validation::{Currency, Money, OrderId};

use super::{
    NOT_CANCELLABLE, NOT_REFUNDABLE, NOTHING_UNSHIPPED, OrderError, PARTLY_SHIPPED,
    PAYMENT_DISPUTED, REFUND_AMOUNT_CHANGED, REFUND_EXCEEDS_CAPTURED, REFUND_EXCEEDS_PART,
    REFUND_IN_PROGRESS, REFUND_REFUSED, RETRY_AFTER_S, about, family_of_order_error, location_of,
};
use crate::domain::credit::CreditPart;
use crate::domain::refund_plan::InvalidParts;
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
    /// The order has not that much left of the requested parts.
    #[error("the parts of order {0} can't be refunded: {1:?}")]
    InvalidParts(OrderId, InvalidParts),
    /// The gateway can't express the amount.
    #[error("the amount {0}")]
    AmountNotAccepted(AmountRefusal),
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
            ReversingError::InvalidParts(order_id, invalid) => invalid_parts(order_id, invalid),
            ReversingError::AmountNotAccepted(_) => {
                Self::new(&AMOUNT_NOT_ACCEPTED, error.to_string())
            }
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

fn invalid_parts(order_id: OrderId, invalid: InvalidParts) -> Problem {
    match invalid {
        InvalidParts::UnknownLine(index) => invalid_field(
            format!("lines[{index}].line"),
            "must be the number of an item of the order",
        ),
        InvalidParts::TooManyUnits { index, left } => too_much(
            format!("lines[{index}].quantity"),
            format!("must be at most {left}, the units that were not refunded yet"),
        )
        .with_extension("orderId", order_id.to_string()),
        InvalidParts::TooMuch {
            index,
            part,
            left_minor,
        } => {
            let field = match (index, part) {
                (Some(index), _) => format!("lines[{index}].amount.amountMinor"),
                (None, CreditPart::Shipping) => "shipping.amountMinor".to_owned(),
                (None, _) => "fees.amountMinor".to_owned(),
            };
            let message = format!("must be at most {left_minor}, which is left of what was paid");
            too_much(field, message).with_extension("orderId", order_id.to_string())
        }
        InvalidParts::Currency(currency) => {
            let message = format!("amounts must be in {currency}, the currency of the order");
            invalid_field("currency", message)
        }
        InvalidParts::NotAsExpected(amount) => Problem::of(&REFUND_AMOUNT_CHANGED)
            .with_extension("orderId", order_id.to_string())
            .with_extension("amount", serde_json::json!(amount)),
        InvalidParts::Nothing(index) => too_much(
            format!("lines[{index}]"),
            "nothing is left of what was paid for it".to_owned(),
        )
        .with_extension("orderId", order_id.to_string()),
    }
}

fn too_much(field: String, message: String) -> Problem {
    Problem::of(&REFUND_EXCEEDS_PART).with_fields(vec![FieldError { field, message }])
}
