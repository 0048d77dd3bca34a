//! Why an order is not paid.

use oms_errors::Problem;
use oms_payments::DeclineCode;
use oms_validation::OrderId;
use serde_json::json;

use super::{
    CANCELLED, CLOSED, NOT_PAYABLE, OrderError, PAYMENT_DECLINED, PAYMENT_EXPIRED,
    PAYMENT_IN_PROGRESS, PAYMENT_VOIDED, RETRY_AFTER_S, TOO_MANY_PAYMENTS, about, exceeded,
    family_of_order_error, location_of,
};
use crate::domain::bounds::Exceeded;
use crate::domain::failure::Failure;
use crate::domain::open_payment::OpenPayment;
use crate::domain::status::OrderStatus;

/// Why no payment of an order was started, or why it did not pay the order.
#[derive(Debug, thiserror::Error)]
pub enum PayingError {
    /// An error that may stop any use case.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The gateway's breaker is open: nothing was tried.
    #[error("the payment gateway is not available")]
    GatewayUnavailable,
    /// The customer, the credential or the tenant has too many unpaid orders or declined payments. Nothing was kept.
    #[error("limit reached: {}, at most {}", .0.bound.as_str(), .0.most)]
    Exceeded(Exceeded),
    /// The order is not pending.
    #[error("an order that is {status} can't be paid")]
    Closed {
        /// The order.
        order_id: OrderId,
        /// Its status.
        status: OrderStatus,
    },
    /// The order's payment deadline has passed.
    #[error("the payment deadline of order {0} has passed")]
    Expired(OrderId),
    /// A payment of the order is in progress.
    #[error("a payment of order {0} is in progress")]
    InProgress(OrderId),
    /// Too many payments of the order have failed.
    #[error("too many payments of order {0} have failed")]
    TooManyPayments(OrderId),
    /// The order was placed, but is not paid.
    #[error(transparent)]
    NotPaid(#[from] NotPaid),
}

family_of_order_error!(PayingError);

impl From<Exceeded> for PayingError {
    fn from(exceeded: Exceeded) -> Self {
        Self::Exceeded(exceeded)
    }
}

impl From<PayingError> for Problem {
    fn from(error: PayingError) -> Self {
        match error {
            PayingError::Order(error) => error.into(),
            PayingError::GatewayUnavailable => {
                Self::of(&oms_payments::GATEWAY_UNAVAILABLE).with_retry_after_s(RETRY_AFTER_S)
            }
            PayingError::Exceeded(exceeded) => exceeded::problem(&exceeded),
            PayingError::Closed { order_id, status } => about(&NOT_PAYABLE, order_id, status),
            PayingError::Expired(order_id) => {
                about(&PAYMENT_EXPIRED, order_id, OrderStatus::PendingPayment)
            }
            PayingError::InProgress(order_id) => {
                about(&PAYMENT_IN_PROGRESS, order_id, OrderStatus::PendingPayment)
                    .with_retry_after_s(RETRY_AFTER_S)
            }
            PayingError::TooManyPayments(order_id) => {
                about(&TOO_MANY_PAYMENTS, order_id, OrderStatus::PendingPayment)
            }
            PayingError::NotPaid(not_paid) => not_paid.into(),
        }
    }
}

/// Why a placed order is not paid.
#[derive(Debug, thiserror::Error)]
pub enum NotPaid {
    /// The order failed.
    #[error("order {order_id} failed: {failure}")]
    Failed {
        /// The order.
        order_id: OrderId,
        /// Why.
        failure: Failure,
    },
    /// The payment did not go through, and the order waits for another attempt.
    #[error("order {order_id} is not paid: {failure}")]
    Unpaid {
        /// The order.
        order_id: OrderId,
        /// Why.
        failure: Failure,
        /// What the storefront can do about it.
        payment: Box<OpenPayment>,
    },
    /// The order was cancelled, or is being cancelled.
    #[error("order {order_id} is {status}")]
    Cancelled {
        /// The order.
        order_id: OrderId,
        /// Its status.
        status: OrderStatus,
    },
}

impl From<NotPaid> for Problem {
    fn from(not_paid: NotPaid) -> Self {
        match not_paid {
            NotPaid::Failed { order_id, failure } => failed(order_id, &failure),
            NotPaid::Unpaid {
                order_id,
                failure,
                payment,
            } => unpaid(order_id, &failure, &payment),
            NotPaid::Cancelled { order_id, status } => about(&CANCELLED, order_id, status),
        }
    }
}

fn failed(order_id: OrderId, failure: &Failure) -> Problem {
    not_paid(order_id, failure, OrderStatus::Failed)
}

/// Tells the storefront what it can do, and until when.
fn unpaid(order_id: OrderId, failure: &Failure, payment: &OpenPayment) -> Problem {
    let shown = json!({
        "state": payment.attempt.state.as_str(),
        "attempt": payment.attempt.number,
        "actions": payment.actions(),
        "expiresAt": payment.expires_at,
    });
    not_paid(order_id, failure, OrderStatus::PendingPayment).with_extension("payment", shown)
}

fn not_paid(order_id: OrderId, failure: &Failure, status: OrderStatus) -> Problem {
    let problem = match failure {
        Failure::PaymentDeclined { decline_code } => {
            let code = DeclineCode::new(decline_code);
            Problem::of(&PAYMENT_DECLINED)
                .with_extension("declineCode", code.for_customer())
                .with_extension("customerStep", code.customer_step().as_str())
        }
        Failure::PaymentVoided | Failure::GatewayUnavailable | Failure::Other(_) => {
            Problem::of(&PAYMENT_VOIDED)
        }
        Failure::SettledElsewhere => Problem::of(&CLOSED),
    };
    problem
        .with_location(location_of(order_id))
        .with_extension("orderId", order_id.to_string())
        .with_extension("orderStatus", status.as_str())
}
