//! What a gateway reports of a payment or a refund.

use oms_validation::Money;

use crate::{DeclineCode, Reference, RefundFailure};

/// The status of a payment at the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentStatus {
    /// Definitely paid: the money was taken. Compare the amount with the attempt's.
    Paid {
        /// What was taken.
        amount: Money,
    },
    /// Definitely declined. Nothing was taken, and nothing will be unless the payment is confirmed again.
    Declined {
        /// The reason.
        code: DeclineCode,
    },
    /// Nothing was taken, and nothing will be unless the payment is confirmed. A confirmation may still be in flight.
    NotConfirmed,
    /// The customer must act first, for example authenticate with the bank.
    NeedsAction,
    /// The bank has not decided yet.
    Processing,
    /// The money is reserved for us, and ours once it is captured.
    Authorised,
    /// Proof that nothing was taken or ever will be.
    Cancelled,
}

/// The outcome of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundOutcome {
    /// The money is on its way to the customer, and the gateway considers the refund done.
    Refunded {
        /// The gateway's name for the refund.
        reference: Reference,
        /// The amount.
        amount: Money,
    },
    /// The gateway accepted the refund, but it waits for the bank or the customer.
    Pending {
        /// The gateway's name for the refund.
        reference: Reference,
        /// The amount.
        amount: Money,
    },
    /// The bank rejected it; the money is still ours.
    Failed {
        /// The gateway's name for the refund.
        reference: Reference,
        /// The amount that was to be refunded.
        amount: Money,
        /// The reason.
        code: RefundFailure,
    },
    /// All of the payment's money was refunded before.
    AlreadyRefunded,
}

impl PaymentStatus {
    /// A short label for the history of calls.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Paid { .. } => "paid".to_owned(),
            Self::Declined { code } => format!("declined:{code}"),
            Self::NotConfirmed => "not_confirmed".to_owned(),
            Self::NeedsAction => "needs_action".to_owned(),
            Self::Processing => "processing".to_owned(),
            Self::Authorised => "authorised".to_owned(),
            Self::Cancelled => "cancelled".to_owned(),
        }
    }
}

impl RefundOutcome {
    /// A short label for the history of calls.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Refunded { .. } => "refunded".to_owned(),
            Self::Pending { .. } => "pending".to_owned(),
            Self::Failed { code, .. } => format!("failed:{code}"),
            Self::AlreadyRefunded => "already_refunded".to_owned(),
        }
    }

    /// The gateway's name for the refund, and its amount; `None` if the outcome is not about this refund.
    pub(crate) const fn refund(&self) -> Option<(&Reference, Money)> {
        match self {
            Self::Refunded { reference, amount }
            | Self::Pending { reference, amount }
            | Self::Failed {
                reference, amount, ..
            } => Some((reference, *amount)),
            Self::AlreadyRefunded => None,
        }
    }
}
