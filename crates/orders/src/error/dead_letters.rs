//! Why a dead letter can't be read, created, retried or resolved.

use oms_errors::Problem;
use oms_validation::OrderId;

use super::{
    CONFIRMATION_REQUIRED, DEAD_LETTER_NOT_FOUND, DEAD_LETTER_RESOLVED, NOT_PROVEN_FAILED,
    NOT_PROVEN_PAID, NOT_RESOLVABLE, NOT_UNSETTLED, OrderError, PAYMENT_WAS_TAKEN, REFUND_WAS_MADE,
    RETRY_AFTER_S, about, family_of_order_error,
};
use crate::domain::settlement::Settlement;
use crate::domain::status::OrderStatus;

/// Why a dead letter can't be read, created, retried or resolved.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// An error that may stop any use case.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The tenant has no such dead letter.
    #[error("dead letter not found")]
    NotFound,
    /// The dead letter is closed.
    #[error("the dead letter is already closed")]
    Resolved,
    /// The resolution does not fit the state of the order.
    #[error("the resolution does not fit an order that is {0}")]
    NotResolvable(OrderStatus),
    /// The order is settled.
    #[error("an order that is {status} is settled")]
    NotUnsettled {
        /// The order.
        order_id: OrderId,
        /// Its status.
        status: OrderStatus,
    },
    /// The gateway does not report that no money is left, and the operator has not confirmed the resolution.
    #[error("the gateway: {}", .0.detail)]
    ConfirmationRequired(Settlement),
    /// The gateway reports that the refund was made.
    #[error("the refund was made")]
    RefundWasMade,
    /// The gateway does not report that the payment was taken.
    #[error("the gateway does not report the order as paid")]
    NotProvenPaid,
    /// The payment may still be taken.
    #[error("the payment may still be taken")]
    NotProvenFailed,
    /// The gateway reports that money was taken.
    #[error("the payment was taken")]
    PaymentWasTaken,
}

family_of_order_error!(DeadLetterError);

impl From<DeadLetterError> for Problem {
    fn from(error: DeadLetterError) -> Self {
        match error {
            DeadLetterError::Order(error) => error.into(),
            DeadLetterError::NotFound => Self::of(&DEAD_LETTER_NOT_FOUND),
            DeadLetterError::Resolved => Self::of(&DEAD_LETTER_RESOLVED),
            DeadLetterError::NotResolvable(status) => {
                Self::of(&NOT_RESOLVABLE).with_extension("orderStatus", status.as_str())
            }
            DeadLetterError::NotUnsettled { order_id, status } => {
                about(&NOT_UNSETTLED, order_id, status)
            }
            DeadLetterError::ConfirmationRequired(settlement) => confirmation_required(&settlement),
            DeadLetterError::RefundWasMade => Self::of(&REFUND_WAS_MADE),
            DeadLetterError::NotProvenPaid => {
                Self::of(&NOT_PROVEN_PAID).with_retry_after_s(RETRY_AFTER_S)
            }
            DeadLetterError::NotProvenFailed => {
                Self::of(&NOT_PROVEN_FAILED).with_retry_after_s(RETRY_AFTER_S)
            }
            DeadLetterError::PaymentWasTaken => Self::of(&PAYMENT_WAS_TAKEN),
        }
    }
}

fn confirmation_required(settlement: &Settlement) -> Problem {
    let problem = Problem::new(&CONFIRMATION_REQUIRED, settlement.detail.clone())
        .with_extension("gatewaySaid", settlement.gateway_said.as_str());
    match settlement.left {
        Some(left) => problem
            .with_extension("leftMinor", left.amount_minor)
            .with_extension("currency", left.currency.as_str()),
        None => problem,
    }
}
