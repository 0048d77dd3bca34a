//! The outcome of one try to settle an order.

use oms_payments::{GatewayError, GatewayFault, LaterCause, Operation};

/// The result of one try to settle an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Advance {
    /// The order was paid.
    Paid,
    /// The order failed, and its stock was released.
    Failed,
    /// The order was cancelled, and its stock was released.
    Cancelled,
    /// The order was refunded, in full or in part.
    Refunded,
    /// The gateway rejected the refund; the order is paid, as before.
    RefundFailed,
    /// The payment is dead, and the order waits for another attempt until its deadline.
    Held,
    /// Another request or worker settled the order.
    Superseded,
    /// The order waits for the customer or the bank, who have time left. Not a failed try.
    Waiting,
    /// The gateway was not called, because its breaker is open, or the order is locked. Not a try.
    Refused,
    /// The try failed; another may succeed.
    TryAgain {
        /// Why, in words.
        reason: String,
    },
    /// Retrying does not help: only an operator can decide.
    NeedsOperator {
        /// Why, in words.
        reason: String,
    },
}

impl Advance {
    /// The result for a payment about which the gateway gave no answer.
    pub(crate) fn of_later(cause: &LaterCause) -> Self {
        match cause {
            LaterCause::Gateway(error) if *error.fault() == GatewayFault::BreakerOpen => {
                Self::Refused
            }
            LaterCause::Gateway(error) if is_permanent(error) => Self::NeedsOperator {
                reason: cause.to_string(),
            },
            LaterCause::OtherRefund { .. } => Self::NeedsOperator {
                reason: cause.to_string(),
            },
            // Waits however long it takes: only an operator can change that.
            LaterCause::Inherited => Self::Waiting,
            LaterCause::Newer(_) => Self::Refused,
            cause => Self::TryAgain {
                reason: cause.to_string(),
            },
        }
    }
}

/// Whether a retry of the refund would be rejected too. Lack of access does not count, because access may be granted.
fn is_permanent(error: &GatewayError) -> bool {
    let refunds = matches!(error.operation(), Operation::Refund | Operation::FindRefund);
    // The gateway may have enough balance for it later.
    let is_about_balance = matches!(
        error.fault(),
        GatewayFault::Rejected { code: Some(code), .. }
            if matches!(code.as_str(), "balance_insufficient" | "insufficient_funds")
    );
    let of_us = matches!(
        error.fault(),
        GatewayFault::Rejected {
            status: 401 | 403,
            ..
        }
    );
    refunds && !is_about_balance && !of_us && error.refusal().is_some()
}
