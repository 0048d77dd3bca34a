//! The outcome of one try to settle an order.

use oms_payments::{GatewayError, GatewayFault, LaterCause, Operation};

/// What became of one try to settle an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Advance {
    /// It was found paid.
    Paid,
    /// It failed, and its stock was given back.
    Failed,
    /// It was cancelled, and its stock was given back.
    Cancelled,
    /// Some or all of its money was given back.
    Refunded,
    /// The gateway refused to give money back; it is paid, as before.
    RefundFailed,
    /// Its payment is dead, and it waits for another attempt until its deadline.
    Held,
    /// Somebody else settled it.
    Superseded,
    /// It waits for the customer or the bank, whose time is not over: no failed try.
    Waiting,
    /// The gateway was not asked, because its breaker is open, or somebody else has locked the order: no try at all.
    Refused,
    /// The try failed; another one may not.
    TryAgain {
        /// Why, in words.
        reason: String,
    },
    /// However often it is tried, only a person can decide.
    NeedsPerson {
        /// Why, in words.
        reason: String,
    },
}

impl Advance {
    /// What a payment comes to that the gateway gave no answer about.
    pub(crate) fn of_later(cause: &LaterCause) -> Self {
        match cause {
            LaterCause::Gateway(error) if *error.fault() == GatewayFault::BreakerOpen => {
                Self::Refused
            }
            LaterCause::Gateway(error) if is_permanent(error) => Self::NeedsPerson {
                reason: cause.to_string(),
            },
            LaterCause::OtherRefund { .. } => Self::NeedsPerson {
                reason: cause.to_string(),
            },
            // However long it takes, which is an operator's decision.
            LaterCause::Inherited => Self::Waiting,
            LaterCause::Newer(_) => Self::Refused,
            cause => Self::TryAgain {
                reason: cause.to_string(),
            },
        }
    }
}

/// Whether a refund will be refused however often it is requested. A key without access may get it, so that it is not.
fn is_permanent(error: &GatewayError) -> bool {
    let refunds = matches!(error.operation(), Operation::Refund | Operation::FindRefund);
    // The gateway has money for it some other day.
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
