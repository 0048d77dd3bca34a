//! What a gateway says of a payment.

use oms_validation::Money;

use crate::{DeclineCode, Reference, RefundFailure};

/// What a gateway says of a payment, by its reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentStatus {
    /// Definite yes: the money was taken. Compare the amount with the attempt's.
    Paid {
        /// What was taken.
        amount: Money,
    },
    /// Definite no: the try was refused. Nothing was taken, nor will be unless somebody confirms again.
    Declined {
        /// Why.
        code: DeclineCode,
    },
    /// Nothing was taken, nor will be unless somebody confirms. A confirmation may still be on its way.
    NotConfirmed,
    /// The customer has to do something first, such as authenticate with the bank.
    NeedsAction,
    /// The bank has not decided yet.
    Processing,
    /// The money is reserved for us, and ours once it is captured.
    Authorised,
    /// Proof that nothing was taken or ever will be.
    Cancelled,
}

/// What became of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundOutcome {
    /// It is on its way to the customer, and the gateway considers it done.
    Refunded {
        /// The gateway's name for the refund.
        reference: Reference,
        /// How much.
        amount: Money,
    },
    /// The gateway has accepted it, and the bank or the customer has yet to do something.
    Pending {
        /// The gateway's name for the refund.
        reference: Reference,
        /// How much.
        amount: Money,
    },
    /// The bank refused it; the money is still ours.
    Failed {
        /// The gateway's name for the refund.
        reference: Reference,
        /// How much was to be given back.
        amount: Money,
        /// Why.
        code: RefundFailure,
    },
    /// All of the payment's money had been given back before.
    AlreadyRefunded,
}

impl PaymentStatus {
    /// A short text for the history of calls.
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
    /// A short text for the history of calls.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Refunded { .. } => "refunded".to_owned(),
            Self::Pending { .. } => "pending".to_owned(),
            Self::Failed { code, .. } => format!("failed:{code}"),
            Self::AlreadyRefunded => "already_refunded".to_owned(),
        }
    }

    /// The gateway's name for the refund, and how much it is about; none where it says nothing of this one.
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
